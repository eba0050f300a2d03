package dev.vmm.iommu;

import java.util.List;

/**
 * The faults taken from the units by one drain.
 *
 * @param faults oldest first for each unit
 * @param overflowed whether a unit says that it lost some
 */
public record FaultBatch(List<DmaFault> faults, boolean overflowed) {
  /** No faults, none lost. */
  public static final FaultBatch EMPTY = new FaultBatch(List.of(), false);

  /** Copies the list. */
  public FaultBatch {
    faults = List.copyOf(faults);
  }
}
