package dev.vmm.iommu.intel.fake;

import java.util.HashMap;
import java.util.Map;

/** The translations and paging entries that a unit holds, by domain id; it forgets as told. */
final class FakeTlb {
  private record Key(long domainId, int level, long prefix) {}

  private final UnitMemory memory;
  private final boolean snoops;
  private final boolean cachesNotPresent;
  private final long largePages;
  private final Map<Key, Long> entries = new HashMap<>();

  FakeTlb(UnitMemory memory, long cap, long ecap) {
    this.memory = memory;
    this.snoops = (ecap & 1) != 0;
    this.cachesNotPresent = (cap & 1 << 7) != 0;
    this.largePages = cap >>> 34 & 15;
  }

  /** Walks from the lowest entry that is cached; returns the hpa or -1. */
  long translate(long domainId, long root, int levels, long iova, boolean write) {
    long table = root;
    int level = levels;
    Long cached = null;
    for (int at = 1; at <= levels && cached == null; at++) {
      cached = entries.get(new Key(domainId, at, iova >>> shift(at)));
      level = at;
    }
    if (cached == null) {
      level = levels;
    }
    while (true) {
      long entry;
      if (cached != null) {
        entry = cached;
        cached = null;
      } else {
        entry = memory.unitRead64(table + 8 * (iova >>> shift(level) & 511), snoops);
        if ((entry & 3) != 0 || cachesNotPresent) {
          entries.put(new Key(domainId, level, iova >>> shift(level)), entry);
        }
      }
      if ((entry & (write ? 2 : 1)) == 0) {
        return -1;
      }
      if (level > 1 && (entry & 0x80) != 0 && (largePages >>> (level - 2) & 1) == 0) {
        return -1; // The bit is reserved where the unit has no such pages.
      }
      long address = entry & 0x000ffffffffff000L;
      if (level == 1 || (entry & 0x80) != 0) {
        long offset = iova & ((1L << shift(level)) - 1);
        return (address & -(1L << shift(level))) | offset;
      }
      if (memory.isFree(address)) {
        throw new AssertionError("the unit walks a freed table at 0x" + Long.toHexString(address));
      }
      table = address;
      level--;
    }
  }

  void clear() {
    entries.clear();
  }

  void clearDomain(long domainId) {
    entries.keySet().removeIf(key -> key.domainId() == domainId);
  }

  /** With the hint only leaves go: what is cached of the levels above stays, present or not. */
  void clearPages(long domainId, long iova, int mask, boolean hint) {
    long last = iova + (1L << (mask + 12)) - 1;
    entries
        .entrySet()
        .removeIf(
            cached -> {
              Key key = cached.getKey();
              long first = key.prefix() << shift(key.level());
              long end = first + (1L << shift(key.level())) - 1;
              boolean leaf = key.level() == 1 || (cached.getValue() & 0x80) != 0;
              return key.domainId() == domainId && first <= last && end >= iova && (leaf || !hint);
            });
  }

  private static int shift(int level) {
    return 12 + 9 * (level - 1);
  }
}
