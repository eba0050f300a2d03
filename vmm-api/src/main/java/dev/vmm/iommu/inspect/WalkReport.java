package dev.vmm.iommu.inspect;

import dev.vmm.iommu.Translation;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;

/**
 * How a unit translates one address of one requester id, step by step.
 *
 * @param unit the unit's name
 * @param rid the requester id
 * @param iova the address
 * @param steps every entry that is read, in order
 * @param translation where it leads; empty if the request faults
 * @param fault why it faults; empty if it does not, or if only one direction does
 */
public record WalkReport(
    String unit,
    Rid rid,
    long iova,
    List<Step> steps,
    Optional<Translation> translation,
    String fault) {
  /**
   * One entry.
   *
   * @param what the entry, such as {@code root entry} or {@code level 3 entry}
   * @param index in its table
   * @param hpa of the entry
   * @param raw its words as hex, high word first
   * @param meaning where it leads
   */
  public record Step(String what, int index, long hpa, String raw, String meaning) {}

  /** Copies the list. */
  public WalkReport {
    steps = List.copyOf(steps);
  }
}
