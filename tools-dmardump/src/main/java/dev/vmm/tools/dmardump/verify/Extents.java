package dev.vmm.tools.dmardump.verify;

import java.util.Arrays;

/**
 * Ranges of memory with the number of their owner, as arrays: there may be millions. Not
 * thread-safe.
 */
final class Extents {
  private long[] first = new long[64];
  private long[] last = new long[64];
  private int[] owner = new int[64];
  private int size;

  /** Is told of two ranges of different owners that share memory. */
  @FunctionalInterface
  interface Shared {
    void shared(int oneOwner, int otherOwner, long firstHpa, long lastHpa);
  }

  void add(long firstHpa, long lengthBytes, int ownerNumber) {
    // A domain's runs often continue each other in memory though not in iova.
    if (size > 0 && owner[size - 1] == ownerNumber && last[size - 1] + 1 == firstHpa) {
      last[size - 1] += lengthBytes;
      return;
    }
    if (size == first.length) {
      first = Arrays.copyOf(first, 2 * size);
      last = Arrays.copyOf(last, 2 * size);
      owner = Arrays.copyOf(owner, 2 * size);
    }
    first[size] = firstHpa;
    last[size] = firstHpa + lengthBytes - 1;
    owner[size++] = ownerNumber;
  }

  int size() {
    return size;
  }

  /**
   * Tells of each range that shares memory with one of another owner that begins before it: one
   * sweep in order of address that remembers, for each owner, how far it reaches.
   */
  void shared(int owners, Shared action) {
    Integer[] order = new Integer[size];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Long.compareUnsigned(first[a], first[b]));
    long[] reach = new long[owners];
    boolean[] seen = new boolean[owners];
    for (int at : order) {
      for (int other = 0; other < owners; other++) {
        if (other != owner[at]
            && seen[other]
            && Long.compareUnsigned(reach[other], first[at]) >= 0) {
          long end = Long.compareUnsigned(reach[other], last[at]) < 0 ? reach[other] : last[at];
          action.shared(other, owner[at], first[at], end);
        }
      }
      int own = owner[at];
      if (!seen[own] || Long.compareUnsigned(last[at], reach[own]) > 0) {
        reach[own] = last[at];
        seen[own] = true;
      }
    }
  }
}
