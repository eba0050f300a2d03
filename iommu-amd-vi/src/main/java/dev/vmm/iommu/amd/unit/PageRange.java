package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.amd.structs.InvalidateIommuPagesHigh;

/**
 * The second word of INVALIDATE_IOMMU_PAGES: one page, or an aligned power of two of them, whose
 * size is told by the lowest address bit that is 0, from bit 12 up.
 *
 * <p>Source: 48882 rev 3, "INVALIDATE_IOMMU_PAGES".
 */
final class PageRange {
  private static final long S = InvalidateIommuPagesHigh.S.mask();
  private static final long PDE = InvalidateIommuPagesHigh.PDE.mask();
  private static final long ADDRESS = InvalidateIommuPagesHigh.ADDRESS.mask();

  /** The widest range that is told as one; what is wider is told as everything. */
  private static final int WIDEST_BITS = 51;

  /** Everything of the domain, directories included. */
  static final long ALL = 0x7fff_ffff_ffff_f000L | PDE | S;

  private PageRange() {}

  /**
   * Returns the smallest range that covers {@code lengthBytes} from {@code iova} up.
   *
   * @param lengthBytes not 0
   * @param directories whether links to tables are to be forgotten too
   */
  static long covering(long iova, long lengthBytes, boolean directories) {
    long last = iova + (lengthBytes - 1);
    long flags = directories ? PDE : 0;
    // The bits in which the addresses of the range differ, from bit 12 up.
    int bits = Long.SIZE - Long.numberOfLeadingZeros((iova ^ last) & ADDRESS);
    if (bits == 0) {
      return (iova & ADDRESS) | flags;
    }
    if (bits > WIDEST_BITS) {
      return (ALL & ~PDE) | flags;
    }
    // 2^bits bytes: ones up to bit - 2, and a 0 at bit - 1.
    long size = 1L << (bits - 1);
    return (iova & -(size << 1)) | ((size - 1) & ADDRESS) | flags | S;
  }
}
