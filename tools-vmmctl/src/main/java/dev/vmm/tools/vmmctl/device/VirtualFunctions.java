package dev.vmm.tools.vmmctl.device;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.SriovCapability;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The VFs of one PF, switched as its driver in the host would. Holds no state of its own.
 *
 * <p>Source: PCI Express Base 6.0, "SR-IOV Extended Capability", "VF Enable".
 */
public final class VirtualFunctions {
  /** TotalVFs, 16 bits. */
  private static final int TOTAL_VFS = 0x0e;

  /** No request may go to a VF for 100 ms after VF Enable is set. */
  private static final long VF_ENABLE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final ConfigSpace config;
  private final int offset;

  private VirtualFunctions(ConfigSpace config, int offset) {
    this.config = config;
    this.offset = offset;
  }

  /** Returns the VFs of a function that has an SR-IOV capability, and is no VF or bridge itself. */
  public static Optional<VirtualFunctions> of(PciFunction function) {
    if (function.physicalFunction().isPresent() || function.isBridge()) {
      return Optional.empty();
    }
    return function
        .config()
        .extendedCapability(PciCapability.EXT_SRIOV)
        .map(offset -> new VirtualFunctions(function.config(), offset));
  }

  /** Returns how many there may be. */
  public int total() {
    return config.read16(offset + TOTAL_VFS);
  }

  /** Returns NumVFs, whether they are enabled or not. */
  public int number() {
    return config.read16(offset + SriovCapability.NUM_VFS);
  }

  /** Returns the requester id of the first, whether they are enabled or not. */
  public Rid first() {
    Rid pf = config.rid();
    return Rid.of(
        pf.segment(), pf.id16() + config.read16(offset + SriovCapability.FIRST_VF_OFFSET));
  }

  /** Says whether they exist at present. */
  public boolean enabled() {
    return (control() & SriovCapability.VF_ENABLE) != 0;
  }

  /** Returns the SR-IOV control register. */
  public int control() {
    return config.read16(offset + SriovCapability.CONTROL);
  }

  /**
   * Makes VFs appear, and waits as long as the book asks for.
   *
   * @throws VmmException EINVAL for fewer than 1 or more than {@link #total()}; EBUSY if they are
   *     enabled, for their number may only change while they are not
   */
  public void enable(int count) {
    if (count < 1 || count > total()) {
      throw VmmException.invalid(
          "%s cannot have %d virtual functions: expected 1 to %d (TotalVFs)",
          config.rid(), count, total());
    }
    if (enabled()) {
      throw VmmException.of(
          Errno.EBUSY,
          "%s has %d virtual functions enabled already, and their number may not change meanwhile; disable them first",
          config.rid(),
          number());
    }
    config.write16(offset + SriovCapability.NUM_VFS, count);
    config.write16(
        offset + SriovCapability.CONTROL,
        control() | SriovCapability.VF_ENABLE | SriovCapability.VF_MSE);
    long end = System.nanoTime() + VF_ENABLE_NANOS;
    for (long left = VF_ENABLE_NANOS; left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }

  /**
   * Puts control register and number back; the VFs that this ends are gone.
   *
   * @param control as {@link #control()} returned it
   * @param number as {@link #number()} returned it; not written while VFs stay enabled
   */
  public void restore(int control, int number) {
    config.write16(offset + SriovCapability.CONTROL, control);
    if ((control & SriovCapability.VF_ENABLE) == 0) {
      config.write16(offset + SriovCapability.NUM_VFS, number);
    }
  }

  /** Makes the VFs disappear. */
  public void disable() {
    restore(control() & ~(SriovCapability.VF_ENABLE | SriovCapability.VF_MSE), 0);
  }
}
