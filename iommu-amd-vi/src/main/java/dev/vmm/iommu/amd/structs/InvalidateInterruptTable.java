package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * INVALIDATE_INTERRUPT_TABLE command, first word; the second is 0.
 *
 * <p>Source: AMD 48882 rev 3, "INVALIDATE_INTERRUPT_TABLE".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record InvalidateInterruptTable(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("INVALIDATE_INTERRUPT_TABLE[63:0]")
          .field("OpCode", 63, 60, RW)
          .rsvdz(59, 16)
          .field("DeviceID", 15, 0, RW)
          .build();

  /** Operation, 5h. */
  public static final Field OP_CODE = LAYOUT.field("OpCode");

  /** Device ID. */
  public static final Field DEVICE_ID = LAYOUT.field("DeviceID");

  /** Returns the word for a device id of 16 bits. */
  public static long of(int deviceId) {
    return 5L << 60 | DEVICE_ID.set(0, deviceId);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
