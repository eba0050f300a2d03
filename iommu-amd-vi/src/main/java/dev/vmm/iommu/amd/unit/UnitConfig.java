package dev.vmm.iommu.amd.unit;

/**
 * What a unit can do and how firmware wants it driven, as {@link UnitCheck} has found it.
 *
 * @param segment the PCI segment
 * @param levels how many levels of host tables it walks, 4 to 6 (HATS)
 * @param notPresentCached whether it remembers entries that are not present (NpCache)
 * @param invalidateAll whether it takes INVALIDATE_IOMMU_ALL (IASup)
 * @param smiFilters how many SMI filter registers it has
 * @param coherent whether it snoops the processor's caches when it reads tables and commands
 * @param control the bits of the control register that firmware's flags ask for
 */
public record UnitConfig(
    int segment,
    int levels,
    boolean notPresentCached,
    boolean invalidateAll,
    int smiFilters,
    boolean coherent,
    long control) {}
