package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * FEADDR_REG, Fault Event Address Register: offset 0x40, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Fault Event Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record FeaddrReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x40;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("FEADDR_REG").field("MA", 31, 2, RW).rsvdz(1, 0).build();

  /** Message Address, in units of 4 bytes. */
  public static final Field MA = LAYOUT.field("MA");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
