package dev.vmm.iommu.intel.fake;

import java.util.HashMap;
import java.util.Map;

/**
 * The interrupt remapping of a {@link FakeVtdUnit}: the table that SIRTP gave it, and a cache that
 * forgets only what it is told to.
 */
final class FakeRemapper {
  /** Records a fault; returns -1. */
  interface Faults {
    long fault(int sourceId, long record, int reason);
  }

  private final UnitMemory memory;
  private final boolean snoops;
  private final boolean cachingMode;
  private final Faults faults;
  private final Map<Integer, long[]> cache = new HashMap<>();
  private long latched;

  FakeRemapper(UnitMemory memory, long cap, long ecap, Faults faults) {
    this.memory = memory;
    this.snoops = (ecap & 1) != 0;
    this.cachingMode = (cap & 1 << 7) != 0;
    this.faults = faults;
  }

  /** Takes over what IRTA_REG holds. */
  void latch(long irta) {
    latched = irta;
  }

  void clear() {
    cache.clear();
  }

  void clear(long index, int mask) {
    cache.keySet().removeIf(at -> at >>> mask == index >>> mask);
  }

  /** Returns the low word of the entry that lets a message pass, or -1. */
  long remap(int sourceId, long address, int data) {
    if ((address & 0x10) == 0) {
      return faults.fault(sourceId, 0, 0x25);
    }
    int index = (int) (address >>> 5 & 0x7fff | (address & 4) << 13);
    index += (address & 8) != 0 ? data & 0xffff : 0;
    long record = (long) index << 48;
    if (index >= 2 << (latched & 15)) {
      return faults.fault(sourceId, record, 0x21);
    }
    long[] entry = entry(index);
    if ((entry[0] & 1) == 0) {
      return faults.fault(sourceId, record, 0x22);
    }
    return entry[1] == (1L << 18 | sourceId) ? entry[0] : faults.fault(sourceId, record, 0x26);
  }

  private long[] entry(int index) {
    long[] cached = cache.get(index);
    if (cached != null) {
      return cached;
    }
    long at = (latched & ~0xfffL) + 16L * index;
    if (memory.isFree(at & ~0xfffL)) {
      throw new AssertionError("the unit reads a freed interrupt table");
    }
    long[] entry = {memory.unitRead64(at, snoops), memory.unitRead64(at + 8, snoops)};
    if ((entry[0] & 1) != 0 || cachingMode) {
      cache.put(index, entry);
    }
    return entry;
  }
}
