package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Hardware Event Lower Register: offset 0x0048, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Hardware Event Lower Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record HwEventLowReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0048;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("HW_EVENT_LOW").field("EvOpLower", 63, 0, RW).build();

  /** Event operand, lower part. */
  public static final Field EV_OP_LOWER = LAYOUT.field("EvOpLower");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
