package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PHMBASE_REG, Protected High Memory Base Register: offset 0x70, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Protected High Memory Base Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PhmbaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x70;

  /** Every bit of the word. */
  public static final Layout LAYOUT = Layout.of64("PHMBASE_REG").field("PHMB", 63, 0, RW).build();

  /** Protected High-Memory Base. */
  public static final Field PHMB = LAYOUT.field("PHMB");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
