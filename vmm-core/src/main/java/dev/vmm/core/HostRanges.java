package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** The page-aligned ranges that the host domain maps 1:1. */
final class HostRanges {
  private static final long PAGE = PhysicalMemory.PAGE_BYTES;

  private HostRanges() {}

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
