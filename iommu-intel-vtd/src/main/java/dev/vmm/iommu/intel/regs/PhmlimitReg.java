package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PHMLIMIT_REG, Protected High Memory Limit Register: offset 0x78, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Protected High Memory Limit Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PhmlimitReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x78;

  /** Every bit of the word. */
  public static final Layout LAYOUT = Layout.of64("PHMLIMIT_REG").field("PHML", 63, 0, RW).build();

  /** Protected High-Memory Limit. */
  public static final Field PHML = LAYOUT.field("PHML");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
