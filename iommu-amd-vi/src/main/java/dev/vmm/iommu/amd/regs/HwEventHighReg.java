package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Hardware Event Upper Register: offset 0x0040, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Hardware Event Upper Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record HwEventHighReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0040;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("HW_EVENT_HIGH")
          .field("EvCode", 63, 60, RW)
          .field("EvOpUpper", 59, 0, RW)
          .build();

  /** Event code. */
  public static final Field EV_CODE = LAYOUT.field("EvCode");

  /** Event operand, upper part. */
  public static final Field EV_OP_UPPER = LAYOUT.field("EvOpUpper");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
