package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuService;
import dev.vmm.pci.PciFunction;
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

  /** Notes that the function is parked now: from here on it has nothing to say. */
  void parked() {
    faultsWhenParked = iommu.faultsOf(function.rid());
  }

  /** Says whether the function made requests since it was parked, which were refused. */
  boolean stirred() {
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
    parked();
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

  /**
   * Fails with EIO if a function that no longer answers made requests since it was parked: it is
   * not gone, and nothing can be told to it.
   */
  void requireSilentOrThere() {
    if (stirred()) {
      throw new VmmException(
          Errno.EIO,
          String.format(
              "%s does not answer but made requests since it was parked: its config space reads 0x%x, expected 0x%x;"
                  + " power it off, or pull it out",
              function, control.identity(), control.expectedIdentity()));
    }
  }
}
