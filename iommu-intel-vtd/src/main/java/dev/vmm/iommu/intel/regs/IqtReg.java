package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IQT_REG, Invalidation Queue Tail Register: offset 0x88, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidation Queue Tail Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IqtReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x88;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IQT_REG").rsvdz(63, 19).field("QT", 18, 4, RW).rsvdz(3, 0).build();

  /** Queue Tail, in units of 16 bytes. */
  public static final Field QT = LAYOUT.field("QT");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
