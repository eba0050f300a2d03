package dev.vmm.iommu.support;

import dev.vmm.iommu.pagetable.PageTableFormat;

/**
 * What all units of an I/O MMU agree on: what one of them lacks none has.
 *
 * @param format the tables that they walk, with the host addresses and the pages that each of them
 *     takes
 * @param maxDomains the domain ids of the unit that has the fewest
 * @param coherent whether every unit snoops the CPU's caches when it reads tables
 * @param needsPublishing whether {@link RemappingUnit#published} does anything on one of them: it
 *     remembers what was not present, or buffers the CPU's writes
 * @param interruptRemapping whether every unit remaps interrupts from its start on: then each has
 *     {@link RemappingUnit#allocateInterrupts}
 */
public record CommonFacts(
    PageTableFormat format,
    long maxDomains,
    boolean coherent,
    boolean needsPublishing,
    boolean interruptRemapping) {}
