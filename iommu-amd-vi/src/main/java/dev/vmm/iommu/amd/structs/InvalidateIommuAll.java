package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * INVALIDATE_IOMMU_ALL command, first word; the second is 0. Only with EFR.IASup.
 *
 * <p>Source: AMD 48882 rev 3, "INVALIDATE_IOMMU_ALL".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record InvalidateIommuAll(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("INVALIDATE_IOMMU_ALL[63:0]").field("OpCode", 63, 60, RW).rsvdz(59, 0).build();

  /** Operation, 8h. */
  public static final Field OP_CODE = LAYOUT.field("OpCode");

  /** Returns the word. */
  public static long word() {
    return 8L << 60;
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
