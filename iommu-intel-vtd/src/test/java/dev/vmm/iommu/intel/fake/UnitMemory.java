package dev.vmm.iommu.intel.fake;

import dev.vmm.testing.ArrayMemory;
import java.util.HashSet;
import java.util.Set;

/**
 * RAM with two views: the CPU's, and that of a unit which sees a store only when it was flushed.
 * Pages that are free again keep what was in them for the unit.
 */
public final class UnitMemory extends ArrayMemory {
  private final ArrayMemory unitView;
  private final boolean coherent;
  private final Set<Long> free = new HashSet<>();

  /** Runs after each store of a word and each flush; nothing by default. */
  public Runnable afterStore = () -> {};

  /** Runs before pages are taken; nothing by default. */
  public Runnable beforeAllocate = () -> {};

  /** Runs before pages are given back; nothing by default. */
  public Runnable beforeFree = () -> {};

  /** A memory whose stores a unit sees at once, or only after a flush. */
  public UnitMemory(long lengthBytes, boolean coherent) {
    super(lengthBytes);
    this.coherent = coherent;
    this.unitView = new ArrayMemory(lengthBytes);
  }

  /** Reads a word as the units do, if they are all alike. */
  public long unitRead64(long hpa) {
    return unitRead64(hpa, coherent);
  }

  /** Reads a word as a unit does that snoops the CPU's caches, or one that does not. */
  public long unitRead64(long hpa, boolean snoops) {
    return snoops ? read64(hpa) : unitView.read64(hpa);
  }

  /** Says whether a page was freed and not taken again. */
  public boolean isFree(long page) {
    return free.contains(page);
  }

  @Override
  public void write64(long hpa, long value) {
    super.write64(hpa, value);
    afterStore.run();
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    super.writeRelease64(hpa, value);
    afterStore.run();
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    beforeAllocate.run();
    long hpa = super.allocate(lengthBytes, alignmentBytes);
    for (long page = hpa; page < hpa + lengthBytes; page += PAGE_BYTES) {
      free.remove(page);
    }
    return hpa;
  }

  @Override
  public void free(long hpa, long lengthBytes) {
    beforeFree.run();
    super.free(hpa, lengthBytes);
    for (long page = hpa; page < hpa + lengthBytes; page += PAGE_BYTES) {
      free.add(page);
      // Poison for a unit that still walks it: every word a present entry.
      unitView.fill64(page, 512, 0x3, 0);
    }
  }

  @Override
  public void flushCache(long hpa, long lengthBytes) {
    super.flushCache(hpa, lengthBytes);
    long end = hpa + lengthBytes;
    for (long at = hpa & -64L; at < end; at += 8) {
      unitView.write64(at, read64(at));
    }
    afterStore.run();
  }
}
