package dev.vmm.core;

import dev.vmm.iommu.DmaFault;

/**
 * A DMA fault and whose it is.
 *
 * @param fault what the unit recorded
 * @param domain the domain that the requester id is in now, such as {@code vm:guest1}, {@code
 *     host}, {@code blocked} or {@code none}
 */
public record OwnedFault(DmaFault fault, String domain) {}
