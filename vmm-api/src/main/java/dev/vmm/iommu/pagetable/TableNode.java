package dev.vmm.iommu.pagetable;

import org.jspecify.annotations.Nullable;

/**
 * What the engine itself knows of one table: where it is, which entries are leaves and which lead
 * to tables. So that no walk reads memory for structure, emptiness and overlap cost a few words,
 * and memory that somebody scribbled on cannot lead the engine astray.
 *
 * <p>Not thread-safe: guarded by the lock of its {@link RadixPageTable}.
 */
final class TableNode {
  static final int ENTRIES = 512;

  final long hpa;
  final int level;

  /** The next table of a list of tables that were cut off together. */
  @Nullable TableNode next;

  /** One bit for each entry that is a leaf. */
  private final long[] leaves = new long[ENTRIES / 64];

  private TableNode @Nullable [] children;
  private int leafCount;
  private int childCount;

  TableNode(long hpa, int level) {
    this.hpa = hpa;
    this.level = level;
  }

  boolean isEmpty() {
    return leafCount == 0 && childCount == 0;
  }

  boolean isFullOfLeaves() {
    return leafCount == ENTRIES;
  }

  int leafCount() {
    return leafCount;
  }

  boolean hasLeaf(int index) {
    return (leaves[index >>> 6] >>> index & 1) != 0;
  }

  boolean hasChildren() {
    return childCount != 0;
  }

  @Nullable TableNode child(int index) {
    TableNode[] array = children;
    return array == null ? null : array[index];
  }

  boolean isLive(int index) {
    return hasLeaf(index) || child(index) != null;
  }

  /** Returns the first leaf's index from {@code index} up, or {@link #ENTRIES}. */
  int nextLeaf(int index) {
    int word = index >>> 6;
    long bits = leaves[word] & (-1L << index);
    while (bits == 0) {
      if (++word == leaves.length) {
        return ENTRIES;
      }
      bits = leaves[word];
    }
    return (word << 6) + Long.numberOfTrailingZeros(bits);
  }

  /** Returns the number of leaves in {@code [from, to]}. */
  int countLeaves(int from, int to) {
    int count = 0;
    for (int word = from >>> 6; word <= to >>> 6; word++) {
      count += Long.bitCount(leaves[word] & bits(word, from, to));
    }
    return count;
  }

  /** Makes {@code [from, to]} leaves, none of which was live. */
  void addLeaves(int from, int to) {
    for (int word = from >>> 6; word <= to >>> 6; word++) {
      leaves[word] |= bits(word, from, to);
    }
    leafCount += to - from + 1;
  }

  /** Makes every leaf of {@code [from, to]} an empty entry. */
  void removeLeaves(int from, int to) {
    for (int word = from >>> 6; word <= to >>> 6; word++) {
      long gone = leaves[word] & bits(word, from, to);
      leaves[word] &= ~gone;
      leafCount -= Long.bitCount(gone);
    }
  }

  /** Makes an entry without a child lead to {@code child}; it is no leaf any more. */
  void addChild(int index, TableNode child) {
    removeLeaves(index, index);
    TableNode[] array = children;
    if (array == null) {
      array = new TableNode[ENTRIES];
      children = array;
    }
    array[index] = child;
    childCount++;
  }

  /** Makes an entry that leads to a child an empty one. */
  void removeChild(int index) {
    TableNode[] array = children;
    if (array != null && array[index] != null) {
      array[index] = null;
      childCount--;
    }
  }

  private static long bits(int word, int from, int to) {
    long bits = -1L;
    if (word == from >>> 6) {
      bits &= -1L << from;
    }
    if (word == to >>> 6) {
      bits &= -1L >>> (63 - (to & 63));
    }
    return bits;
  }
}
