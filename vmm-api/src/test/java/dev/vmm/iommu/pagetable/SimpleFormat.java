package dev.vmm.iommu.pagetable;

import dev.vmm.iommu.Access;

/**
 * A format of no hardware, for tests of the engine itself: bit 0 read, bit 1 write, bit 7 leaf
 * above level 1, bits 51:12 the address, all others reserved.
 */
public record SimpleFormat(int maxLevels, long pageSizes) implements PageTableFormat {
  private static final long READ = 1;
  private static final long WRITE = 1L << 1;
  private static final long LARGE = 1L << 7;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  /** Six levels, pages of 4 KiB, 2 MiB and 1 GiB. */
  public SimpleFormat() {
    this(6, 1L << 12 | 1L << 21 | 1L << 30);
  }

  @Override
  public String name() {
    return "simple";
  }

  @Override
  public int hpaBits() {
    return 52;
  }

  @Override
  public boolean isPresent(long entry) {
    return (entry & (READ | WRITE)) != 0;
  }

  @Override
  public boolean isLeaf(long entry, int level) {
    return level == 1 || (entry & LARGE) != 0;
  }

  @Override
  public long leaf(long hpa, int level, Access access) {
    return hpa
        | (access.readable() ? READ : 0)
        | (access.writable() ? WRITE : 0)
        | (level > 1 ? LARGE : 0);
  }

  @Override
  public long link(long tableHpa, int level) {
    return tableHpa | READ | WRITE;
  }

  @Override
  public long leafAddress(long entry, int level) {
    return entry & ADDRESS & -PageTableFormat.entryBytes(level);
  }

  @Override
  public long linkAddress(long entry) {
    return entry & ADDRESS;
  }

  @Override
  public Access leafAccess(long entry) {
    return (entry & READ) == 0
        ? Access.WRITE
        : (entry & WRITE) == 0 ? Access.READ : Access.READ_WRITE;
  }

  @Override
  public long reservedBits(long entry, int level) {
    long used = ADDRESS | READ | WRITE;
    if (level > 1) {
      used |= LARGE;
      if (isLeaf(entry, level)) {
        used &= ~(PageTableFormat.entryBytes(level) - 1 & ADDRESS);
      }
    }
    return ~used;
  }
}
