package dev.vmm.core;

import dev.vmm.pci.Rid;

/**
 * A device that a VM holds, as its driver shows it to the VM. It keeps its owner as {@link
 * VirtualMachine#unowned()}.
 */
public interface PassthroughDevice {
  /** Returns the function's requester id. */
  Rid rid();

  /**
   * Unassigns the device from its VM: called when the VM is destroyed. Must end in {@link
   * VirtualMachine#dismiss}.
   *
   * @throws dev.vmm.VmmException EIO if the device could not be quiesced: it is blocked then, and
   *     broken
   */
  void unassign();
}
