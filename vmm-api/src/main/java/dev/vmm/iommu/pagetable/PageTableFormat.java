package dev.vmm.iommu.pagetable;

import dev.vmm.iommu.Access;

/**
 * The facts of one hardware page-table format whose tables are 4096 bytes of 512 64-bit entries.
 * Level 1 is the table whose leaves are 4 KiB pages; an entry of level {@code n} covers {@code
 * 2^(12 + 9 * (n - 1))} bytes.
 *
 * <p>Stateless and thread-safe; functions of {@code long}, without allocation.
 */
public interface PageTableFormat {
  /** Returns the format's name, for messages. */
  String name();

  /** Returns the most levels a table of this format may have, 6 at most. */
  int maxLevels();

  /** Returns the width of host-physical addresses that an entry can hold, in bits. */
  int hpaBits();

  /**
   * Returns the page sizes in bytes that may be used for new leaves, or-ed together; 4096 is always
   * among them.
   */
  long pageSizes();

  /** Says whether the hardware would use this entry. A word of 0 is never present. */
  boolean isPresent(long entry);

  /**
   * Says whether a present entry of a table of {@code level} is a leaf rather than a link to a
   * table.
   */
  boolean isLeaf(long entry, int level);

  /** Returns the leaf for the page at {@code hpa} in a table of {@code level}. */
  long leaf(long hpa, int level, Access access);

  /**
   * Returns the link, in a table of {@code level}, to the table of {@code level - 1} at {@code
   * tableHpa}.
   */
  long link(long tableHpa, int level);

  /**
   * Returns the hpa of the page that a present leaf of a table of {@code level} maps, a multiple of
   * {@link #leafBytes}.
   */
  long leafAddress(long entry, int level);

  /**
   * Returns the bytes of the page that a present leaf of a table of {@code level} maps: more than
   * {@link #entryBytes} where a page takes several entries, each with the page's own address. New
   * leaves never do.
   */
  default long leafBytes(long entry, int level) {
    return entryBytes(level);
  }

  /**
   * Returns the level of the table that a present link of a table of {@code level} leads to, 1 to
   * {@code level - 1}. Where levels are left out, iovas with their bits set lead nowhere. New links
   * leave none out.
   */
  default int linkLevel(long entry, int level) {
    return level - 1;
  }

  /** Returns the hpa of the table that a present link leads to. */
  long linkAddress(long entry);

  /** Returns what a present leaf allows. */
  Access leafAccess(long entry);

  /** Returns what a present link lets the leaves below it allow; new links restrict nothing. */
  default Access linkAccess(long entry) {
    return Access.READ_WRITE;
  }

  /** Returns the bits that must be 0 in a present entry of a table of {@code level}. */
  long reservedBits(long entry, int level);

  /** Returns the bytes that an entry of a table of {@code level} covers. */
  static long entryBytes(int level) {
    return 1L << entryShift(level);
  }

  /** Returns log2 of {@link #entryBytes}. */
  static int entryShift(int level) {
    return 12 + 9 * (level - 1);
  }

  /** Returns the index of {@code iova}'s entry in a table of {@code level}, 0 to 511. */
  static int index(long iova, int level) {
    return (int) (iova >>> entryShift(level)) & 511;
  }
}
