package dev.vmm.iommu;

/**
 * What all units of an I/O MMU can do in common.
 *
 * @param iovaBits the width of the widest domain, in bits
 * @param hpaBits the width of host-physical addresses, in bits
 * @param pageSizes the sizes of pages in bytes, each a power of two, or-ed together, such as {@code
 *     0x40201000}
 * @param maxDomains the number of domains that fit at one time
 * @param coherent whether every unit snoops the CPU's caches when it reads tables
 * @param interruptRemapping whether {@link Iommu#interruptRemapping} is there
 */
public record IommuCapabilities(
    int iovaBits,
    int hpaBits,
    long pageSizes,
    long maxDomains,
    boolean coherent,
    boolean interruptRemapping) {}
