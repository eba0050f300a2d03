package dev.vmm.machine.snapshot;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/** A set of pages by address; dense ones cost a bit each. Not thread-safe. */
final class PageSet {
  private static final int PAGE_SHIFT = 12;
  private static final int CHUNK_SHIFT = PAGE_SHIFT + 12;

  private final Map<Long, BitSet> chunks = new HashMap<>();
  private int size;

  /** Adds a page and says whether it is new. */
  boolean add(long hpa) {
    BitSet chunk = chunks.computeIfAbsent(hpa >>> CHUNK_SHIFT, unused -> new BitSet());
    int page = (int) (hpa >>> PAGE_SHIFT) & ((1 << (CHUNK_SHIFT - PAGE_SHIFT)) - 1);
    if (chunk.get(page)) {
      return false;
    }
    chunk.set(page);
    size++;
    return true;
  }

  int size() {
    return size;
  }
}
