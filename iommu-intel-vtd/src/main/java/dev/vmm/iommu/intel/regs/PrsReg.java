package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW1C;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PRS_REG, Page Request Status Register: offset 0xdc, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Page Request Status Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PrsReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xdc;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("PRS_REG").rsvdz(31, 2).bit("PRO", 1, RW1C).bit("PPR", 0, RW1C).build();

  /** Page Request Overflow. */
  public static final Field PRO = LAYOUT.field("PRO");

  /** Pending Page Request. */
  public static final Field PPR = LAYOUT.field("PPR");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
