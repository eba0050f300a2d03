package dev.vmm.iommu.support;

import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.pagetable.PageTableFormat;
import java.util.List;
import java.util.function.IntUnaryOperator;

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
    boolean interruptRemapping) {
  /**
   * Returns these facts of units that reach so far.
   *
   * @param reaches of each unit, how far tables of so many levels reach, in bits: {@link
   *     RemappingUnit#reachBits}
   */
  public IommuCapabilities capabilities(List<? extends IntUnaryOperator> reaches) {
    return new IommuCapabilities(
        TableShape.widestBits(reaches, format.maxLevels()),
        format.hpaBits(),
        format.pageSizes(),
        maxDomains,
        coherent,
        interruptRemapping);
  }
}
