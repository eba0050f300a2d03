package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOTLB Invalidate Descriptor, high word.
 *
 * <p>Source: VT-d r4.1, "IOTLB Invalidate".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IotlbDescriptorHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IOTLB_INV_DSC[127:64]")
          .field("ADDR", 63, 12, RW)
          .rsvdz(11, 7)
          .bit("IH", 6, RW)
          .field("AM", 5, 0, RW)
          .build();

  /** Address, in pages. */
  public static final Field ADDR = LAYOUT.field("ADDR");

  /** Invalidation Hint: only leaves changed. */
  public static final Field IH = LAYOUT.field("IH");

  /** Address Mask, log2 of pages. */
  public static final Field AM = LAYOUT.field("AM");

  /** Returns the high word of a page-selective invalidation of {@code 2^mask} pages. */
  public static long of(long iova, int mask, boolean leavesOnly) {
    return (iova & ADDR.mask()) | AM.set(0, mask) | (leavesOnly ? IH.mask() : 0);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
