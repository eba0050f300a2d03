package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The page-aligned ranges that the host domain maps 1:1. */
final class HostRanges {
  private static final long PAGE = PhysicalMemory.PAGE_BYTES;

  private static final Logger LOG = LoggerFactory.getLogger(HostRanges.class);

  private HostRanges() {}

  /**
   * Returns all RAM, and the regions outside RAM that firmware reserves for functions that are
   * there now: their DMA goes on when translation does. One that no unit can reach is firmware's
   * mistake and not worth a refusal.
   *
   * @param present the requester ids of those functions
   */
  static List<AddressRange> of(Machine machine, Iommu iommu, Collection<Rid> present) {
    List<AddressRange> ranges = new ArrayList<>(machine.memory().ram());
    IommuCapabilities capabilities = iommu.capabilities();
    int bits = Math.min(capabilities.hpaBits(), capabilities.iovaBits());
    for (Rid rid : present) {
      for (ReservedRegion region : iommu.reservedRegions(rid)) {
        if (bits < Long.SIZE && region.range().last() >>> bits != 0) {
          LOG.warn(
              "the region {} reserved for {} by {} is beyond the reach of {} bits: not mapped",
              region.range(),
              rid,
              region.source(),
              bits);
        } else {
          ranges.add(region.range());
        }
      }
    }
    return merged(ranges);
  }

  /**
   * Returns these ranges rounded out to whole pages, sorted, those that touch made one, so that the
   * largest pages fit and no page is named twice.
   */
  static List<AddressRange> merged(Collection<AddressRange> ranges) {
    List<AddressRange> merged = new ArrayList<>();
    for (AddressRange range : ranges.stream().map(HostRanges::wholePages).sorted().toList()) {
      AddressRange before = merged.isEmpty() ? null : merged.get(merged.size() - 1);
      if (before != null && touches(before, range)) {
        long last =
            Long.compareUnsigned(before.last(), range.last()) >= 0 ? before.last() : range.last();
        merged.set(merged.size() - 1, new AddressRange(before.start(), last - before.start() + 1));
      } else {
        merged.add(range);
      }
    }
    return merged;
  }

  private static boolean touches(AddressRange lower, AddressRange upper) {
    return lower.overlaps(upper) || (lower.end() == upper.start() && lower.end() != 0);
  }

  /** Rounds a range out to whole pages. */
  static AddressRange wholePages(AddressRange range) {
    long start = range.start() & -PAGE;
    long last = range.last() | (PAGE - 1);
    return new AddressRange(start, last - start + 1);
  }
}
