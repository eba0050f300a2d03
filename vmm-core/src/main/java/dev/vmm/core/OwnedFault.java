package dev.vmm.core;

import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.FaultKind;
import dev.vmm.iommu.WalkStep;
import dev.vmm.pci.Rid;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * The report of a fault: what a unit recorded, which device that was, whose it was, and what the
 * platform knows of the address.
 *
 * @param fault what the unit recorded
 * @param device the function that the requester id stands for, which is another where a bridge or
 *     the device itself uses an alias; empty if no function is known for it
 * @param owner whose the device was
 * @param domain the domain that the requester id was in, such as {@code vm:guest1}, {@code host},
 *     {@code blocked}; {@code none} if in none, {@code unknown} if it was being moved
 * @param where the page-table entry at which the walk of the address ends, as it was when the fault
 *     was taken from the unit; empty if there is none, or if the back end does not tell
 * @param unmappedAgo how long before that the VM's memory at this address was removed; empty unless
 *     that is the last that happened there and the platform still remembers
 * @param suppressed how many faults of this device were counted but not told to listeners and log
 *     since the last that was: more came than {@code hw.vmm.iommu.fault_rate_limit} lets through
 */
public record OwnedFault(
    DmaFault fault,
    Optional<Rid> device,
    FaultOwner owner,
    String domain,
    Optional<WalkStep> where,
    Optional<Duration> unmappedAgo,
    long suppressed) {
  /** Returns the whole report in one line. */
  public String describe() {
    StringBuilder text = new StringBuilder(256);
    text.append(request()).append(" by ").append(fault.rid());
    device
        .filter(each -> !each.equals(fault.rid()))
        .ifPresent(each -> text.append(" (alias of ").append(each).append(')'));
    text.append(" of ").append(owner).append(" in domain ").append(domain);
    text.append(
        String.format(
            Locale.ROOT,
            " refused by %s, reason 0x%x: %s",
            fault.unit(),
            fault.reasonCode(),
            fault.reason()));
    where.ifPresent(step -> text.append("; walk ends at ").append(step));
    unmappedAgo.ifPresent(
        ago -> text.append("; unmapped ").append(ago.toMillis()).append(" ms ago"));
    if (suppressed != 0) {
      text.append("; ").append(suppressed).append(" faults of this device not told before");
    }
    return text.toString();
  }

  private String request() {
    if (fault.kind() == FaultKind.INTERRUPT) {
      return String.format(Locale.ROOT, "interrupt request 0x%x", fault.iova());
    }
    return String.format(
        Locale.ROOT, "%s 0x%x", fault.access().writable() ? "write to" : "read of", fault.iova());
  }
}
