package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;

/**
 * A device that a VM holds, as its driver shows it to the VM. It keeps its owner as {@link
 * VirtualMachine#unowned()}.
 */
public interface PassthroughDevice {
  /** Returns the function's requester id. */
  Rid rid();

  /**
   * Returns every requester id that its requests may carry, its own among them: faults of any of
   * them are this device's.
   */
  default Collection<Rid> requesterIds() {
    return List.of(rid());
  }

  /**
   * Cuts bus mastering: the device makes no DMA, and no message interrupts, until its {@code owner}
   * gives it back, whatever the guest does. The platform calls it with the VM's lock held when the
   * device has made too many faults; it must not wait for the device. If it fails the platform
   * {@linkplain IommuService#block blocks} the device, until its driver releases it. Does nothing
   * if {@code owner} does not have the device.
   *
   * @throws dev.vmm.VmmException EIO if the device does not take it; ENOTSUP if its driver cannot
   */
  default void stopDma(VirtualMachine owner) {
    throw new VmmException(
        Errno.ENOTSUP,
        "the driver of " + rid() + " cannot cut bus mastering; unassign the device instead");
  }

  /**
   * Unassigns the device from its VM: called when the VM is destroyed. Must end in {@link
   * VirtualMachine#dismiss}.
   *
   * @throws dev.vmm.VmmException EIO if the device could not be quiesced: it is blocked then, and
   *     broken
   */
  void unassign();
}
