package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IRTA_REG, Interrupt Remapping Table Address Register: offset 0xb8, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Interrupt Remapping Table Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IrtaReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xb8;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTA_REG")
          .field("IRTA", 63, 12, RW)
          .bit("EIME", 11, RW)
          .rsvdz(10, 4)
          .field("S", 3, 0, RW)
          .build();

  /** Interrupt Remapping Table Address, in pages. */
  public static final Field IRTA = LAYOUT.field("IRTA");

  /** Extended Interrupt Mode Enable. */
  public static final Field EIME = LAYOUT.field("EIME");

  /** Size, log2 of entries less one. */
  public static final Field S = LAYOUT.field("S");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
