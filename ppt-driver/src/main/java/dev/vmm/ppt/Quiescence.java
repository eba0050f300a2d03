package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuService;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a function to rest between two owners: bus mastering off, nothing pending, reset, config
 * space as it was, and listens whether it stays at rest. Guarded by the device's lock.
 */
final class Quiescence {
  private static final Logger LOG = LoggerFactory.getLogger(Quiescence.class);

  private final IommuService iommu;
  private final PciFunction function;
  private final FunctionControl control;
  private final FunctionReset reset;
  private final InterruptControl interrupts;

  /** What a broken device must be given back once it can be reset. */
  private record Owed(ConfigSnapshot saved, int parkedCommand) {}

  /** Null if nothing is owed: no VM ever had it, and it was silent. */
  private @Nullable Owed owed;

  /** Of {@link #faultsWhenParked}: there is no telling. */
  private static final long UNKNOWN = -1;

  /** The faults that it had made when it was parked: more mean that it was not silent since. */
  private long faultsWhenParked;

  Quiescence(
      IommuService iommu,
      PciFunction function,
      FunctionControl control,
      FunctionReset reset,
      InterruptControl interrupts) {
    this.iommu = iommu;
    this.function = function;
    this.control = control;
    this.reset = reset;
    this.interrupts = interrupts;
  }

  /**
   * Notes that the function is parked now: from here on it has nothing to say. Where a unit does
   * not tell its faults, those that it tells later count as made since.
   */
  void parked() {
    try {
      faultsWhenParked = iommu.faultsOf(function.rid());
    } catch (VmmException e) {
      LOG.warn("{} is parked; whether it makes requests is not known now", function, e);
      faultsWhenParked = UNKNOWN;
    }
  }

  /**
   * Says whether the function made requests since it was parked, which were refused.
   *
   * @throws VmmException if a unit does not tell its faults: it is not taken for silent on hope
   */
  private boolean stirred() {
    return iommu.faultsOf(function.rid()) != faultsWhenParked;
  }

  /**
   * Resets the function for its next owner, and gives it its config space again, without what a
   * guest does not get.
   */
  void prepare(ConfigSnapshot saved, int parkedCommand) {
    rest(saved, parkedCommand, false);
  }

  /** Resets the function, and gives it all of its config space again. */
  void quiesce(ConfigSnapshot saved, int parkedCommand) {
    rest(saved, parkedCommand, true);
  }

  private void rest(ConfigSnapshot saved, int parkedCommand, boolean host) {
    control.setCommand(parkedCommand);
    reset.run();
    interrupts.forget();
    saved.restore(host);
    control.setCommand(parkedCommand);
  }

  /** Gives a function that is silent its config space again, after a step failed. */
  void putBack(ConfigSnapshot saved, int parkedCommand) {
    control.requireAnswer();
    control.setCommand(parkedCommand);
    reset.fellSilent();
    reset.wake();
    saved.restore(true);
    control.setCommand(parkedCommand);
  }

  /**
   * Fails with EIO if a function that made requests while it was parked, which the blocked domain
   * refused, goes on with them after its reset: then neither bus mastering nor reset stops it.
   * Functions that were silent are not waited for.
   */
  void requireSilent() {
    if (!stirred()) {
      return;
    }
    long before = iommu.faultsOf(function.rid());
    reset.pauseForStrays();
    faultsWhenParked = iommu.faultsOf(function.rid());
    if (faultsWhenParked != before) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              "%s goes on making requests with bus mastering off and after its reset: %d were refused in %d ms; expected"
                  + " none; it stays blocked until a detach finds it silent, or power it off",
              function, faultsWhenParked - before, FunctionReset.STRAY_NANOS / 1_000_000));
    }
    LOG.warn("{} made requests while it belonged to no VM; its reset has ended that", function);
  }

  /** Notes what a function that could not be quiesced must be given back. */
  void owe(ConfigSnapshot saved, int parkedCommand) {
    owed = new Owed(saved, parkedCommand);
  }

  /** Says whether the function could not be quiesced, and something is owed to it. */
  boolean owes() {
    return owed != null;
  }

  /**
   * Makes sure that a parked function does nothing any more that could reach the host's memory.
   * After a failure it is as before, or its config space is {@linkplain #owes owed}.
   *
   * @throws VmmException EIO if it does something
   */
  void settle() {
    if (!control.answers()) {
      requireSilentThoughDeaf();
      return;
    }
    if (!stirred()) {
      reset.requireNothingPending();
      return;
    }
    ConfigSnapshot saved = ConfigSnapshot.save(function);
    int parked = control.command() & ~PciCommand.ACTIVE;
    boolean wasReset = false;
    try {
      reset.fellSilent();
      quiesce(saved, parked);
      wasReset = true;
      requireSilent();
    } catch (RuntimeException e) {
      if (wasReset
          || !Steps.undo(function, e, "restoring its config space", () -> putBack(saved, parked))) {
        owe(saved, parked);
      }
      throw e;
    }
  }

  /** What no longer answers but makes requests is not gone, and nothing can be told to it. */
  private void requireSilentThoughDeaf() {
    if (stirred()) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              "%s does not answer but made requests since it was parked: its config space reads 0x%x, expected 0x%x;"
                  + " power it off, or pull it out",
              function, control.identity(), control.expectedIdentity()));
    }
  }

  /** Tries again what could not be done before, and gives the function what is owed to it. */
  void repair() {
    Owed last = owed;
    if (last != null) {
      quiesce(last.saved(), last.parkedCommand());
      forgetMessages();
    }
    requireSilent();
    owed = null;
  }

  /** Expects nothing more of a function that was pulled out. */
  void letGo() {
    forgetMessages();
    owed = null;
  }

  /**
   * The function was reset, or is gone, and sends nothing: a unit that does not answer any more,
   * and keeps the entries, must not keep it from being given back.
   */
  private void forgetMessages() {
    try {
      interrupts.blockMessages();
    } catch (RuntimeException e) {
      LOG.warn("{}: its interrupt entries stay reserved until the I/O MMU is closed", function, e);
    }
  }
}
