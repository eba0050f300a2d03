package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * AFLOG_REG, Advanced Fault Log Register: offset 0x58, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Advanced Fault Log Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record AflogReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x58;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("AFLOG_REG").field("FLA", 63, 12, RW).field("FLS", 11, 9, RW).rsvdz(8, 0).build();

  /** Fault Log Address, in pages. */
  public static final Field FLA = LAYOUT.field("FLA");

  /** Fault Log Size, log2 of pages. */
  public static final Field FLS = LAYOUT.field("FLS");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
