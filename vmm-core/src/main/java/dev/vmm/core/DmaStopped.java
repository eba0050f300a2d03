package dev.vmm.core;

import dev.vmm.VmmException;
import java.util.Locale;
import java.util.Optional;

/**
 * The DMA of an assigned device was stopped: more of its requests were refused than {@code
 * hw.vmm.iommu.fault_threshold} allows. Its bus mastering is cut. A device that does not take that,
 * or whose requests go past the threshold once more all the same, is moved to the blocked domain.
 * Either way it stays assigned; it can make DMA and interrupts again once it is unassigned, reset
 * and assigned anew.
 *
 * @param device the device
 * @param vmName the name of the VM that owns it
 * @param last the fault that was one too many
 * @param blocked whether it is blocked: its DMA reaches nothing, whatever it does
 * @param failure why bus mastering could not be cut; if the device is not blocked, why that could
 *     not be done either: then it goes on, and is tried again at the next threshold
 */
public record DmaStopped(
    PassthroughDevice device,
    String vmName,
    OwnedFault last,
    boolean blocked,
    Optional<VmmException> failure) {
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s of VM %s: %s; last fault: %s",
        device.rid(),
        vmName,
        what(),
        last.describe());
  }

  private String what() {
    String why = failure.map(e -> ": " + e.getMessage()).orElse("");
    if (blocked) {
      return (failure.isPresent()
              ? "bus mastering could not be cut after too many faults" + why
              : "it went on after bus mastering was cut")
          + "; it is blocked, and its DMA reaches nothing; unassign the device to end it";
    }
    return failure.isPresent()
        ? "its DMA could not be stopped after too many faults" + why
        : "bus mastering is cut after too many faults; unassign the device to end it";
  }
}
