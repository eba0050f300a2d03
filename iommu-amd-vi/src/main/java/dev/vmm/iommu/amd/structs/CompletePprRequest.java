package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * COMPLETE_PPR_REQUEST command, first word.
 *
 * <p>Source: AMD 48882 rev 3, "COMPLETE_PPR_REQUEST".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CompletePprRequest(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("COMPLETE_PPR_REQUEST[63:0]")
          .field("OpCode", 63, 60, RW)
          .rsvdz(59, 52)
          .field("PASID", 51, 32, RW)
          .rsvdz(31, 16)
          .field("DeviceID", 15, 0, RW)
          .build();

  /** Operation, 7h. */
  public static final Field OP_CODE = LAYOUT.field("OpCode");

  /** PASID, with GN. */
  public static final Field PASID = LAYOUT.field("PASID");

  /** Device ID. */
  public static final Field DEVICE_ID = LAYOUT.field("DeviceID");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
