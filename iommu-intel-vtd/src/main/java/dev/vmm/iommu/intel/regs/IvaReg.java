package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.WO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IVA_REG, Invalidate Address Register: offset 0x00 from ECAP.IRO * 16, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidate Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IvaReg(long raw) {
  /** The offset in bytes from ECAP.IRO * 16. */
  public static final long OFFSET = 0x00;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IVA_REG")
          .field("ADDR", 63, 12, WO)
          .rsvdz(11, 7)
          .bit("IH", 6, WO)
          .field("AM", 5, 0, WO)
          .build();

  /** Address, in pages. */
  public static final Field ADDR = LAYOUT.field("ADDR");

  /** Invalidation Hint: only leaves changed. */
  public static final Field IH = LAYOUT.field("IH");

  /** Address Mask, log2 of pages. */
  public static final Field AM = LAYOUT.field("AM");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
