package dev.vmm.iommu;

/**
 * Where an iova leads.
 *
 * @param hpa the host-physical address
 * @param pageBytes the size in bytes of the page that maps it, a power of two
 * @param access what a device may do there
 */
public record Translation(long hpa, long pageBytes, Access access) {}
