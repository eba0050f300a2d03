package dev.vmm.iommu;

import dev.vmm.pci.Rid;

/**
 * A DMA that a unit refused.
 *
 * @param unit the unit's name
 * @param rid the requester id that the unit saw
 * @param iova the address, to the unit's resolution (4096 bytes)
 * @param access {@link Access#READ} or {@link Access#WRITE}
 * @param reasonCode the book's code
 * @param reason the book's words for it
 */
public record DmaFault(
    String unit, Rid rid, long iova, Access access, int reasonCode, String reason) {}
