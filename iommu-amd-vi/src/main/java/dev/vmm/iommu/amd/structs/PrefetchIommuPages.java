package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PREFETCH_IOMMU_PAGES command, first word.
 *
 * <p>Source: AMD 48882 rev 3, "PREFETCH_IOMMU_PAGES".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PrefetchIommuPages(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("PREFETCH_IOMMU_PAGES[63:0]")
          .field("OpCode", 63, 60, RW)
          .rsvdz(59, 52)
          .field("PASID", 51, 32, RW)
          .field("PFCount", 31, 24, RW)
          .rsvdz(23, 16)
          .field("DeviceID", 15, 0, RW)
          .build();

  /** Operation, 6h. */
  public static final Field OP_CODE = LAYOUT.field("OpCode");

  /** PASID, with GN. */
  public static final Field PASID = LAYOUT.field("PASID");

  /** Pages less one. */
  public static final Field PF_COUNT = LAYOUT.field("PFCount");

  /** Device ID. */
  public static final Field DEVICE_ID = LAYOUT.field("DeviceID");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
