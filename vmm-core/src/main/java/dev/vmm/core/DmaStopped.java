package dev.vmm.core;

import dev.vmm.VmmException;
import java.util.Locale;
import java.util.Optional;

/**
 * Bus mastering of an assigned device was cut: more of its requests were refused than {@code
 * hw.vmm.iommu.fault_threshold} allows. The device stays assigned; it can make DMA and interrupts
 * again once it is unassigned and assigned anew.
 *
 * @param device the device
 * @param vmName the name of the VM that owns it
 * @param last the fault that was one too many
 * @param failure why it could not be cut, empty if it was: then the device goes on, and is tried
 *     again at the next threshold
 */
public record DmaStopped(
    PassthroughDevice device, String vmName, OwnedFault last, Optional<VmmException> failure) {
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s of VM %s: %s; last fault: %s",
        device.rid(),
        vmName,
        failure
            .map(e -> "bus mastering could not be cut after too many faults: " + e.getMessage())
            .orElse("bus mastering is cut after too many faults; unassign the device to end it"),
        last.describe());
  }
}
