package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * INVALIDATE_IOTLB_PAGES command, first word.
 *
 * <p>Source: AMD 48882 rev 3, "INVALIDATE_IOTLB_PAGES".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record InvalidateIotlbPages(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("INVALIDATE_IOTLB_PAGES[63:0]")
          .field("OpCode", 63, 60, RW)
          .field("Pasid2", 59, 56, RW)
          .field("Pasid0", 55, 48, RW)
          .field("QueueID", 47, 32, RW)
          .field("Maxpend", 31, 24, RW)
          .field("Pasid1", 23, 16, RW)
          .field("DeviceID", 15, 0, RW)
          .build();

  /** Operation, 4h. */
  public static final Field OP_CODE = LAYOUT.field("OpCode");

  /** PASID, bits 19:16, with GN. */
  public static final Field PASID2 = LAYOUT.field("Pasid2");

  /** PASID, bits 7:0, with GN. */
  public static final Field PASID0 = LAYOUT.field("Pasid0");

  /** Queue ID. */
  public static final Field QUEUE_ID = LAYOUT.field("QueueID");

  /** How many may be pending at the device. */
  public static final Field MAXPEND = LAYOUT.field("Maxpend");

  /** PASID, bits 15:8, with GN. */
  public static final Field PASID1 = LAYOUT.field("Pasid1");

  /** Device ID. */
  public static final Field DEVICE_ID = LAYOUT.field("DeviceID");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
