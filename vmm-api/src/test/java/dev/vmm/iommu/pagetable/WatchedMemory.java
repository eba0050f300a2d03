package dev.vmm.iommu.pagetable;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.testing.ArrayMemory;
import java.util.BitSet;

/**
 * Memory that a test watches: every store by itself, every page taken and freed, every flush; and
 * that can be made to run out of pages.
 */
class WatchedMemory extends ArrayMemory {
  /** Runs after each single store; nothing by default. */
  Runnable afterStore = () -> {};

  /** Runs before a page is freed; nothing by default. */
  Runnable beforeFree = () -> {};

  /** The allocations that still succeed; negative for no limit. */
  int allocationsLeft = -1;

  /** Words that were stored and not flushed since; kept only while {@link #recordDirty}. */
  final BitSet dirty = new BitSet();

  boolean recordDirty;

  /** Where the last store went. */
  long lastStored;

  int allocations;
  int flushes;
  int fills;
  long stores;

  WatchedMemory(long lengthBytes) {
    super(lengthBytes);
  }

  /** Says whether any word of the page at {@code hpa} was stored and not flushed since. */
  boolean isDirty(long hpa) {
    if (hpa >= 8L * dirty.length()) {
      return false;
    }
    int first = word(hpa);
    int next = dirty.nextSetBit(first);
    return next >= 0 && next < first + PAGE_BYTES / 8;
  }

  private static int word(long hpa) {
    return Math.toIntExact(hpa / 8);
  }

  @Override
  public void write64(long hpa, long value) {
    super.write64(hpa, value);
    stored(hpa);
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    super.writeRelease64(hpa, value);
    stored(hpa);
  }

  @Override
  public void fill64(long hpa, int count, long first, long step) {
    fills++;
    for (int i = 0; i < count; i++) {
      super.write64(hpa + 8L * i, first + i * step);
      stored(hpa + 8L * i);
    }
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    if (allocationsLeft == 0) {
      throw new VmmException(Errno.ENOMEM, "the test allows no more pages");
    }
    allocationsLeft--;
    allocations++;
    // Zeroing a new page is no store of the engine's, but one that must be flushed as well.
    Runnable check = afterStore;
    long storesBefore = stores;
    int fillsBefore = fills;
    afterStore = () -> {};
    long hpa = super.allocate(lengthBytes, alignmentBytes);
    afterStore = check;
    stores = storesBefore;
    fills = fillsBefore;
    return hpa;
  }

  @Override
  public void free(long hpa, long lengthBytes) {
    beforeFree.run();
    super.free(hpa, lengthBytes);
    dirty.clear(word(hpa), word(hpa + lengthBytes));
    for (long at = hpa; at < hpa + lengthBytes; at += 8) {
      super.write64(at, 0xdead_dead_dead_deadL); // whoever still walks it finds out
    }
  }

  @Override
  public void flushCache(long hpa, long lengthBytes) {
    flushes++;
    dirty.clear(word(hpa & -64L), word(hpa + lengthBytes + 7));
    super.flushCache(hpa, lengthBytes);
  }

  private void stored(long hpa) {
    stores++;
    lastStored = hpa;
    if (recordDirty) {
      dirty.set(word(hpa));
    }
    afterStore.run();
  }
}
