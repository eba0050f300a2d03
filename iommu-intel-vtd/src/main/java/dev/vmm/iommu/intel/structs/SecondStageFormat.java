package dev.vmm.iommu.intel.structs;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.pagetable.PageTableFormat;

/**
 * Second-stage page tables as legacy mode walks them: 3, 4 or 5 levels, leaves of 4 KiB, and of 2
 * MiB and 1 GiB where the unit says so.
 *
 * <p>Immutable and thread-safe; no allocation. Source: VT-d r4.1, "Second-Stage Paging Entries".
 */
public final class SecondStageFormat implements PageTableFormat {
  private static final long R = 1L;
  private static final long W = 1L << 1;
  private static final long PS = 1L << 7;
  private static final long SNP = 1L << 11;
  private static final long ADDRESS = ((1L << 52) - 1) & ~0xfffL;

  private final int hpaBits;
  private final long pageSizes;
  private final long leafBits;
  private final long beyondHpa;

  /**
   * A format for units that agree on these facts.
   *
   * @param hpaBits the width of host-physical addresses, 13 to 52; bits of an address above it are
   *     reserved
   * @param pageSizes the page sizes of new leaves in bytes, or-ed together
   * @param snoop whether new leaves have SNP, so that a device cannot opt out of snooping; only
   *     where every unit has ECAP.SC
   */
  public SecondStageFormat(int hpaBits, long pageSizes, boolean snoop) {
    this.hpaBits = hpaBits;
    this.pageSizes = pageSizes;
    this.leafBits = snoop ? SNP : 0;
    this.beyondHpa = ADDRESS & ~((1L << hpaBits) - 1);
  }

  @Override
  public String name() {
    return "VT-d second stage";
  }

  @Override
  public int maxLevels() {
    return 5;
  }

  @Override
  public int hpaBits() {
    return hpaBits;
  }

  @Override
  public long pageSizes() {
    return pageSizes;
  }

  @Override
  public boolean isPresent(long entry) {
    return (entry & (R | W)) != 0;
  }

  @Override
  public boolean isLeaf(long entry, int level) {
    return level == 1 || (level <= 3 && (entry & PS) != 0);
  }

  @Override
  public long leaf(long hpa, int level, Access access) {
    return (hpa & ADDRESS)
        | (access.readable() ? R : 0)
        | (access.writable() ? W : 0)
        | (level > 1 ? PS : 0)
        | leafBits;
  }

  @Override
  public long link(long tableHpa, int level) {
    return (tableHpa & ADDRESS) | R | W;
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
  public Access linkAccess(long entry) {
    return leafAccess(entry);
  }

  @Override
  public long reservedBits(long entry, int level) {
    long reserved = beyondHpa;
    if (isLeaf(entry, level)) {
      // SNP is for leaves of units with Snoop Control; others must find it 0.
      reserved |= leafBits == 0 ? SNP : 0;
      if (level > 1) {
        reserved |= (PageTableFormat.entryBytes(level) - 1) & ADDRESS;
        reserved |= (pageSizes & PageTableFormat.entryBytes(level)) == 0 ? PS : 0;
      }
    } else {
      reserved |= SNP | (level > 3 ? PS : 0);
    }
    return reserved;
  }
}
