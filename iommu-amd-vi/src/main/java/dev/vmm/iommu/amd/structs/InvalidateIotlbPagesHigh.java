package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * INVALIDATE_IOTLB_PAGES command, second word.
 *
 * <p>Source: AMD 48882 rev 3, "INVALIDATE_IOTLB_PAGES".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record InvalidateIotlbPagesHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("INVALIDATE_IOTLB_PAGES[127:64]")
          .field("Address", 63, 12, RW)
          .rsvdz(11, 6)
          .field("Type", 5, 4, RW)
          .rsvdz(3, 3)
          .bit("GN", 2, RW)
          .rsvdz(1, 1)
          .bit("S", 0, RW)
          .build();

  /** Address, in pages; with S its low ones up to the first 0 give the size. */
  public static final Field ADDRESS = LAYOUT.field("Address");

  /** Which translations, with InvIotlbTypeSup. */
  public static final Field TYPE = LAYOUT.field("Type");

  /** Guest or nested translations. */
  public static final Field GN = LAYOUT.field("GN");

  /** Size: more than one page. */
  public static final Field S = LAYOUT.field("S");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
