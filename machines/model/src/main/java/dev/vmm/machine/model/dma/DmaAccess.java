package dev.vmm.machine.model.dma;

import dev.vmm.pci.Rid;

/**
 * One access of a DMA, inside one page, that is about to reach memory or a BAR.
 *
 * @param function the id that the function sent
 * @param requester the id that the access carried at the root complex; the function's own for one
 *     that went to a peer directly
 * @param iova the address on the bus
 * @param hpa the address that it reaches
 * @param lengthBytes how many bytes, up to 4096
 * @param write whether it writes
 */
public record DmaAccess(
    Rid function, Rid requester, long iova, long hpa, int lengthBytes, boolean write) {}
