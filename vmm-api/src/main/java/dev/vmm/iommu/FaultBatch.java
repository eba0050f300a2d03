package dev.vmm.iommu;

import java.util.List;

/**
 * The faults taken from the units by one drain.
 *
 * @param faults oldest first for each unit
 * @param overflowed whether a unit says that it lost some
 * @param complete whether every unit could be asked; one that could not may have faults from before
 *     this drain, which a later one brings
 */
public record FaultBatch(List<DmaFault> faults, boolean overflowed, boolean complete) {
  /** No faults, none lost. */
  public static final FaultBatch EMPTY = new FaultBatch(List.of(), false);

  /** Copies the list. */
  public FaultBatch {
    faults = List.copyOf(faults);
  }

  /** Makes a batch for which every unit was asked. */
  public FaultBatch(List<DmaFault> faults, boolean overflowed) {
    this(faults, overflowed, true);
  }
}
