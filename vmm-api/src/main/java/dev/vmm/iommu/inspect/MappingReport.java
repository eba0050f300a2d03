package dev.vmm.iommu.inspect;

import dev.vmm.iommu.Access;

/**
 * A run of pages that are contiguous in both address spaces and alike in access.
 *
 * @param iova the first iova
 * @param hpa the first hpa
 * @param lengthBytes the length in bytes
 * @param access what a device may do
 * @param pageSizes the page sizes used, in bytes, each a power of two, or-ed together
 */
public record MappingReport(long iova, long hpa, long lengthBytes, Access access, long pageSizes) {}
