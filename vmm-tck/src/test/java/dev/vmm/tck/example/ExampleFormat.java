package dev.vmm.tck.example;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.pagetable.PageTableFormat;

/**
 * Second-stage paging entries. Section "Second-Stage Paging Entries": R is bit 0, W bit 1, PS (a
 * leaf above level 1) bit 7, SNP bit 11, the address is in 51:12, TM is bit 62.
 *
 * @param hpaBits the width of host-physical addresses
 * @param pageSizes those that the unit can walk, or-ed together
 */
record ExampleFormat(int hpaBits, long pageSizes) implements PageTableFormat {
  private static final long R = 1;
  private static final long W = 1L << 1;
  private static final long PS = 1L << 7;
  private static final long SNP = 1L << 11;
  private static final long TM = 1L << 62;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  @Override
  public String name() {
    return "second-stage";
  }

  @Override
  public int maxLevels() {
    return 4;
  }

  @Override
  public boolean isPresent(long entry) {
    return (entry & (R | W)) != 0;
  }

  @Override
  public boolean isLeaf(long entry, int level) {
    return level == 1 || (entry & PS) != 0;
  }

  @Override
  public long leaf(long hpa, int level, Access access) {
    return hpa | (access.readable() ? R : 0) | (access.writable() ? W : 0) | (level > 1 ? PS : 0);
  }

  @Override
  public long link(long tableHpa, int level) {
    return tableHpa | R | W; // The rights of a page are those of all entries on the way to it.
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
    if ((entry & W) == 0) {
      return Access.READ;
    }
    return (entry & R) == 0 ? Access.WRITE : Access.READ_WRITE;
  }

  @Override
  public long reservedBits(long entry, int level) {
    long reserved = ADDRESS & -(1L << hpaBits);
    boolean large = level > 1 && (entry & PS) != 0;
    if (large && (pageSizes & PageTableFormat.entryBytes(level)) == 0) {
      reserved |= PS;
    }
    if (isLeaf(entry, level)) {
      // TM and SNP are bits of leaves, for units with Device-TLBs or snoop control: unused here.
      reserved |= (PageTableFormat.entryBytes(level) - 1) & ADDRESS | SNP | TM;
    }
    return reserved;
  }
}
