package dev.vmm.iommu;

import dev.vmm.pci.Rid;

/**
 * A request of a device that a unit refused.
 *
 * @param unit the unit's name
 * @param rid the requester id that the unit saw
 * @param iova the address, to the unit's resolution (4096 bytes); for {@link FaultKind#INTERRUPT}
 *     what the unit tells of the message in its place, on VT-d the index in bits 63:48
 * @param access {@link Access#READ} or {@link Access#WRITE}
 * @param reasonCode the book's code
 * @param reason the book's words for it
 * @param kind what was refused
 */
public record DmaFault(
    String unit, Rid rid, long iova, Access access, int reasonCode, String reason, FaultKind kind) {
  /** Makes a fault of a back end that does not tell kinds apart: a {@link FaultKind#DMA}. */
  public DmaFault(String unit, Rid rid, long iova, Access access, int reasonCode, String reason) {
    this(unit, rid, iova, access, reasonCode, reason, FaultKind.DMA);
  }
}
