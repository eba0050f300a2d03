package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.AdvancedFeaturesCapability;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.PcieCapability;
import dev.vmm.pci.PowerManagementCapability;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Resets one function by the best way that has an effect, and checks that the reset happened. Its
 * config space is lost. Guarded by the device's lock.
 *
 * <p>Source: PCI Express Base 5.0, "Function Level Reset (FLR)" with its implementation note on
 * transactions pending, "Conventional PCI Advanced Features (AF)", "PCI Power Management State
 * Transition Delays".
 */
final class FunctionReset {
  private static final Logger LOG = LoggerFactory.getLogger(FunctionReset.class);

  /** How long software leaves a function alone after it started an FLR. */
  static final long FLR_NANOS = 100_000_000L;

  /** How long software leaves a function alone after a change to or from D3hot. */
  static final long D3_NANOS = 10_000_000L;

  /** How long a function may then answer with Request Retry Status before it has failed. */
  static final long READY_NANOS = 1_000_000_000L;

  /** How long transactions may be pending: the longest wait for completions that is usual. */
  static final long PENDING_NANOS = 1_000_000_000L;

  /**
   * How long a function that has no reset stays silent before it changes hands. It goes on with
   * what its last owner told it; with bus mastering off its requests go nowhere meanwhile.
   */
  static final long SILENT_NANOS = 250_000_000L;

  /** How long a device that was not silent is listened to after its reset. */
  static final long STRAY_NANOS = 50_000_000L;

  private static final long POLL_NANOS = 10_000_000L;
  private static final int INITIATE_FLR = 1 << 15;
  private static final int PCIE_PENDING = 1 << 5;
  private static final int AF_PENDING_CAPABLE = 1 << 0;
  private static final int POWER_STATE = 3;
  private static final int PME_STATUS = 1 << 15;

  private final PciBus bus;
  private final Supplier<Collection<Rid>> attached;
  private final PciFunction function;
  private final ConfigSpace config;
  private final FunctionControl control;
  private final Waiter waiter;
  private final int pcie;
  private final int af;
  private final int pm;
  private final int msix;

  /** The function's own ways, best first. */
  private final List<ResetMethod> own;

  private long silentSince;

  /**
   * Finds the capabilities; 0 stands for one that is not there.
   *
   * @param attached the functions that the driver has, whether they answer now or not
   */
  FunctionReset(
      PciBus bus,
      PciFunction function,
      FunctionControl control,
      Waiter waiter,
      Supplier<Collection<Rid>> attached) {
    this.bus = bus;
    this.attached = attached;
    this.function = function;
    this.config = function.config();
    this.control = control;
    this.waiter = waiter;
    this.pcie = config.capability(PciCapability.PCI_EXPRESS).orElse(0);
    this.af = config.capability(PciCapability.ADVANCED_FEATURES).orElse(0);
    this.pm = config.capability(PciCapability.POWER_MANAGEMENT).orElse(0);
    this.msix = config.capability(PciCapability.MSI_X).orElse(0);
    this.own = ResetMethod.of(function);
  }

  /**
   * Returns the way that is tried first. Where the function has none of its own it looks around.
   */
  ResetMethod kind() {
    if (!own.isEmpty()) {
      return own.get(0);
    }
    return BusReset.of(bus, function, attached.get()).isPresent()
        ? ResetMethod.BUS
        : ResetMethod.NONE;
  }

  /** Warns, for whoever attaches it, of a function that no reset clears between its owners. */
  void warnIfNone() {
    if (kind() == ResetMethod.NONE) {
      LOG.warn(
          "{} has no reset (FLR, AF, D3hot, a bus of its own): between owners it is only silenced, and keeps their"
              + " state",
          function);
    }
  }

  /** Notes that bus mastering was turned off now. */
  void fellSilent() {
    silentSince = waiter.nanoTime();
  }

  /** Gives a device that was not silent the time to show that it still is not. */
  void pauseForStrays() {
    waiter.pause(STRAY_NANOS);
  }

  /**
   * Fails with EIO while transactions are pending: what they read or wait for may be the host's
   * memory by then. Waits for them at most {@link #PENDING_NANOS}.
   */
  void requireNothingPending() {
    if (!awaitNothingPending()) {
      throw stillPending("with bus mastering off");
    }
  }

  /**
   * Resets the function, whose decode and bus-master bits are off already: by its own ways in turn
   * until one has an effect, then with its bus if it is alone there.
   *
   * @throws VmmException EIO if it does not answer afterwards, or answers without having been reset
   */
  void run() {
    control.requireAnswer();
    wake();
    boolean pending = !awaitNothingPending();
    if (pending && !own.isEmpty()) {
      LOG.warn(
          "{} has transactions pending after {} ms with bus mastering off; resetting it by {} all the same",
          function,
          PENDING_NANOS / 1_000_000,
          own.get(0));
    }
    VmmException failure = null;
    for (ResetMethod kind : own) {
      VmmException failed = attempt(kind, null);
      if (failed == null) {
        return;
      }
      failure = first(failure, failed);
    }
    // Last, and looked for only then: it costs a look at all buses.
    Optional<BusReset> around = BusReset.of(bus, function, attached.get());
    if (around.isPresent()) {
      VmmException failed = attempt(ResetMethod.BUS, around.get());
      if (failed == null) {
        return;
      }
      failure = first(failure, failed);
    }
    if (failure != null) {
      throw failure;
    }
    LOG.info("{} has no reset: it is only silenced", function);
    waiter.pause(Math.max(0, silentSince + SILENT_NANOS - waiter.nanoTime()));
    awaitReady(ResetMethod.NONE);
    checkOutcome(ResetMethod.NONE);
  }

  private static VmmException first(@Nullable VmmException first, VmmException next) {
    if (first == null) {
      return next;
    }
    first.addSuppressed(next);
    return first;
  }

  /** Returns why the function was not reset this way; null if it was. */
  private @Nullable VmmException attempt(ResetMethod kind, @Nullable BusReset around) {
    try {
      if (control.answers()) {
        leaveMarks();
      }
      switch (kind) {
        case FLR -> {
          int offset = pcie + PcieCapability.DEVICE_CONTROL;
          config.write16(offset, config.read16(offset) | INITIATE_FLR);
          waiter.pause(FLR_NANOS);
        }
        case AF_FLR -> {
          config.write8(af + AdvancedFeaturesCapability.CONTROL, 1);
          waiter.pause(FLR_NANOS);
        }
        case D3HOT -> {
          setPowerState(PowerManagementCapability.D3_HOT);
          setPowerState(PowerManagementCapability.D0);
        }
        case BUS -> Objects.requireNonNull(around).run(waiter);
        case NONE -> throw new IllegalArgumentException("no reset");
      }
      awaitReady(kind);
      checkOutcome(kind);
      return null;
    } catch (VmmException e) {
      LOG.warn(
          "{} was not reset by {}: {}", function, around == null ? kind : around, e.getMessage());
      return e;
    }
  }

  /**
   * Sets bits that any reset clears and nothing else does: the proof that there was one. Interrupt
   * Disable is hardwired to 0 in a VF, MSI-X may be missing: one of the two is nearly always there.
   */
  private void leaveMarks() {
    control.setCommand(control.command() | PciCommand.INTERRUPT_DISABLE);
    if (msix != 0) {
      int offset = msix + MsixCapability.CONTROL;
      config.write16(offset, config.read16(offset) | MsixCapability.FUNCTION_MASK);
    }
  }

  private void checkOutcome(ResetMethod kind) {
    if (kind != ResetMethod.NONE && msix != 0) {
      requireCleared(
          kind,
          "MSI-X control register",
          config.read16(msix + MsixCapability.CONTROL),
          MsixCapability.FUNCTION_MASK);
    }
    int command = control.command();
    int cleared = PciCommand.ACTIVE | (kind == ResetMethod.NONE ? 0 : PciCommand.INTERRUPT_DISABLE);
    requireCleared(kind, "command register", command, cleared);
    if (transactionsPending()) {
      throw stillPending("after its reset (" + kind + ")");
    }
  }

  private VmmException stillPending(String when) {
    return new VmmException(
        Errno.EIO,
        String.format(
            Locale.ROOT,
            "%s still has transactions pending %s and %d ms of waiting: expected Transactions Pending 0; reset the bus or"
                + " the machine before the device is used again",
            function,
            when,
            PENDING_NANOS / 1_000_000));
  }

  private void requireCleared(ResetMethod kind, String register, int value, int bits) {
    if ((value & bits) != 0) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              Locale.ROOT,
              "the reset (%s) of %s had no effect: its %s reads 0x%04x, expected 0 in 0x%x;"
                  + " reset the bus or the machine before the device is used again",
              kind,
              function,
              register,
              value,
              bits));
    }
  }

  /**
   * Brings the function to D0, where alone it can be reset or used; its config space may be lost on
   * the way.
   */
  void wake() {
    if (pm != 0
        && (config.read16(pm + PowerManagementCapability.PMCSR) & POWER_STATE)
            != PowerManagementCapability.D0) {
      setPowerState(PowerManagementCapability.D0);
      awaitReady(ResetMethod.D3HOT);
    }
  }

  private void setPowerState(int state) {
    int offset = pm + PowerManagementCapability.PMCSR;
    int keep = config.read16(offset) & ~(PME_STATUS | POWER_STATE);
    config.write16(offset, keep | state);
    waiter.pause(D3_NANOS);
  }

  private boolean transactionsPending() {
    if (pcie != 0) {
      return (config.read16(pcie + PcieCapability.DEVICE_STATUS) & PCIE_PENDING) != 0;
    }
    return af != 0
        && (config.read8(af + AdvancedFeaturesCapability.CAPABILITIES) & AF_PENDING_CAPABLE) != 0
        && (config.read8(af + AdvancedFeaturesCapability.STATUS) & 1) != 0;
  }

  private boolean awaitNothingPending() {
    long begin = waiter.nanoTime();
    while (transactionsPending()) {
      if (waiter.nanoTime() - begin >= PENDING_NANOS) {
        return false;
      }
      waiter.pause(POLL_NANOS);
    }
    return true;
  }

  /** Until the function is ready it answers all ones, or vendor id 0001h (Request Retry Status). */
  private void awaitReady(ResetMethod kind) {
    long begin = waiter.nanoTime();
    while (!control.answers()) {
      long waited = waiter.nanoTime() - begin;
      if (waited >= READY_NANOS) {
        throw new VmmException(
            Errno.EIO,
            String.format(
                Locale.ROOT,
                "%s does not answer %d ms after its reset (%s): its config space reads 0x%x, expected 0x%x;"
                    + " see whether it was removed or lost power",
                function,
                waited / 1_000_000,
                kind,
                control.identity(),
                control.expectedIdentity()));
      }
      waiter.pause(POLL_NANOS);
    }
  }
}
