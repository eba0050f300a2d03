package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IEUADDR_REG, Invalidation Event Upper Address Register: offset 0xac, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidation Event Upper Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IeuaddrReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xac;

  /** Every bit of the word. */
  public static final Layout LAYOUT = Layout.of32("IEUADDR_REG").field("MUA", 31, 0, RW).build();

  /** Message Upper Address. */
  public static final Field MUA = LAYOUT.field("MUA");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
