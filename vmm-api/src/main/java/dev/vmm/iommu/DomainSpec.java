package dev.vmm.iommu;

/**
 * What a new domain must be able to do.
 *
 * @param name for messages and dumps
 * @param lastIova the highest iova that it must reach, inclusive
 */
public record DomainSpec(String name, long lastIova) {}
