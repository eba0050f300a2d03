package dev.vmm.iommu.amd.structs;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.pagetable.PageTableFormat;

/**
 * Host page tables: 1 to 6 levels, each entry with the level of what it leads to.
 *
 * <p>New leaves have the default size of their level (NextLevel 0), and none leaves a level out.
 * Both are understood where others wrote them: a page of any power of two, which takes one entry
 * for each default page in it (NextLevel 7), and links that skip levels.
 *
 * <p>A device may do what every entry on the way allows, so links allow everything and leaves
 * decide. Leaves have FC: a device cannot opt out of snooping the processors' caches, as guests'
 * drivers expect of memory that nobody flushes for them; every unit has the bit.
 *
 * <p>Immutable and thread-safe; no allocation. Source: 48882 rev 3.10, "I/O Page Tables for Host
 * Translations".
 */
public final class HostPageFormat implements PageTableFormat {
  private static final int MAX_LEVELS = 6;

  /** The highest level whose default page is no wider than a host address: 256 TiB. */
  private static final int HIGHEST_LEAF_LEVEL = 5;

  private static final int HPA_BITS = 52;
  private static final int DEFAULT_SIZE = 0;
  private static final int OTHER_SIZE = 7;
  private static final int NEXT_LEVEL_SHIFT = 9;

  private static final long PR = 1L;
  private static final long NEXT_LEVEL = 7L << NEXT_LEVEL_SHIFT;
  private static final long ADDRESS = ((1L << HPA_BITS) - 1) & ~0xfffL;
  private static final long U = 1L << 59;
  private static final long FC = 1L << 60;
  private static final long IR = 1L << 61;
  private static final long IW = 1L << 62;

  /** Bits 58:52, reserved in every entry. */
  private static final long RESERVED = 0x7fL << 52;

  private final long pageSizes;

  /**
   * A format whose new leaves have these sizes.
   *
   * @param pageSizes default page sizes of levels 1 to 5 in bytes, or-ed together: 4 KiB, 2 MiB, 1
   *     GiB, 512 GiB, 256 TiB; every unit reads them all
   */
  public HostPageFormat(long pageSizes) {
    this.pageSizes = pageSizes;
  }

  @Override
  public String name() {
    return "AMD-Vi host";
  }

  @Override
  public int maxLevels() {
    return MAX_LEVELS;
  }

  @Override
  public int hpaBits() {
    return HPA_BITS;
  }

  @Override
  public long pageSizes() {
    return pageSizes;
  }

  /** {@inheritDoc} One that allows nothing leads nowhere, and neither does what is below it. */
  @Override
  public boolean isPresent(long entry) {
    return (entry & PR) != 0 && (entry & (IR | IW)) != 0;
  }

  @Override
  public boolean isLeaf(long entry, int level) {
    int next = nextLevel(entry);
    return next == DEFAULT_SIZE || next == OTHER_SIZE;
  }

  @Override
  public long leaf(long hpa, int level, Access access) {
    return (hpa & ADDRESS) | (access.readable() ? IR : 0) | (access.writable() ? IW : 0) | FC | PR;
  }

  @Override
  public long link(long tableHpa, int level) {
    return (tableHpa & ADDRESS) | IW | IR | (long) (level - 1) << NEXT_LEVEL_SHIFT | PR;
  }

  @Override
  public long leafAddress(long entry, int level) {
    return entry & ADDRESS & -leafBytes(entry, level);
  }

  /**
   * {@inheritDoc}
   *
   * <p>With NextLevel 7 the address tells the size: ones from bit 12 up, and a 0 at half of it.
   */
  @Override
  public long leafBytes(long entry, int level) {
    return nextLevel(entry) == OTHER_SIZE
        ? Long.lowestOneBit(~(entry | 0xfffL)) << 1
        : PageTableFormat.entryBytes(level);
  }

  @Override
  public long linkAddress(long entry) {
    return entry & ADDRESS;
  }

  @Override
  public int linkLevel(long entry, int level) {
    return nextLevel(entry);
  }

  @Override
  public Access leafAccess(long entry) {
    if ((entry & IW) == 0) {
      return Access.READ;
    }
    return (entry & IR) == 0 ? Access.WRITE : Access.READ_WRITE;
  }

  @Override
  public Access linkAccess(long entry) {
    return leafAccess(entry);
  }

  /**
   * {@inheritDoc} NextLevel is among them where the entry can be neither a link nor a page of its
   * level.
   */
  @Override
  public long reservedBits(long entry, int level) {
    int next = nextLevel(entry);
    if (next == DEFAULT_SIZE) {
      return level > HIGHEST_LEAF_LEVEL
          ? RESERVED | PR
          : RESERVED | ((PageTableFormat.entryBytes(level) - 1) & ADDRESS);
    }
    if (next == OTHER_SIZE) {
      long bytes = leafBytes(entry, level);
      boolean fits =
          Long.compareUnsigned(bytes, PageTableFormat.entryBytes(level)) >= 0
              && bytes <= 1L << (HPA_BITS - 1)
              && bytes < PageTableFormat.entryBytes(level + 1);
      return fits ? RESERVED : RESERVED | NEXT_LEVEL;
    }
    return RESERVED | FC | U | (next >= level ? NEXT_LEVEL : 0);
  }

  private static int nextLevel(long entry) {
    return (int) (entry >>> NEXT_LEVEL_SHIFT) & 7;
  }
}
