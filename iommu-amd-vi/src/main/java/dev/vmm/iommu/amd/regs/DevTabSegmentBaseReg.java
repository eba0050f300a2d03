package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device Table Segment n Base Address Register, n from 1 to 7: offset 0x0100 and up, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Device Table Segment n Base Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DevTabSegmentBaseReg(long raw) {
  /** The offset in bytes of segment 1; each next one is 8 further. */
  public static final long OFFSET = 0x0100;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DEV_TAB_SEGMENT_BASE")
          .rsvdz(63, 52)
          .field("DevTabBaseN", 51, 12, RW)
          .rsvdz(11, 9)
          .field("SizeN", 8, 0, RW)
          .build();

  /** Segment base, in pages. */
  public static final Field DEV_TAB_BASE_N = LAYOUT.field("DevTabBaseN");

  /** Size, pages less one. */
  public static final Field SIZE_N = LAYOUT.field("SizeN");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
