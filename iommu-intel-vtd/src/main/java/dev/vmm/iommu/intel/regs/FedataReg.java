package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * FEDATA_REG, Fault Event Data Register: offset 0x3c, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Fault Event Data Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record FedataReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x3c;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("FEDATA_REG").field("EIMD", 31, 16, RW).field("IMD", 15, 0, RW).build();

  /** Extended Interrupt Message Data. */
  public static final Field EIMD = LAYOUT.field("EIMD");

  /** Interrupt Message Data. */
  public static final Field IMD = LAYOUT.field("IMD");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
