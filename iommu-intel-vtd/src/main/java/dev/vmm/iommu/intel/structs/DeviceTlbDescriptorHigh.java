package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device-TLB Invalidate Descriptor, high word.
 *
 * <p>Source: VT-d r4.1, "Device-TLB Invalidate Descriptor".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DeviceTlbDescriptorHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DEV_TLB_INV_DSC[127:64]")
          .field("ADDR", 63, 12, RW)
          .rsvdz(11, 1)
          .bit("S", 0, RW)
          .build();

  /** Address, in pages. */
  public static final Field ADDR = LAYOUT.field("ADDR");

  /** Size: the lowest zero bit of ADDR codes a range. */
  public static final Field S = LAYOUT.field("S");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
