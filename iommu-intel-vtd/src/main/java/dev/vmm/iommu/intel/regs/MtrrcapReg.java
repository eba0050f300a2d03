package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * MTRRCAP_REG, MTRR Capability Register: offset 0x100, 64 bits.
 *
 * <p>Source: VT-d r4.1, "MTRR Capability Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record MtrrcapReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x100;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("MTRRCAP_REG")
          .rsvdz(63, 11)
          .bit("WC", 10, RO)
          .rsvdz(9, 9)
          .bit("FIX", 8, RO)
          .field("VCNT", 7, 0, RO)
          .build();

  /** Write Combining. */
  public static final Field WC = LAYOUT.field("WC");

  /** Fixed-range MTRRs. */
  public static final Field FIX = LAYOUT.field("FIX");

  /** Variable-range MTRR count. */
  public static final Field VCNT = LAYOUT.field("VCNT");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
