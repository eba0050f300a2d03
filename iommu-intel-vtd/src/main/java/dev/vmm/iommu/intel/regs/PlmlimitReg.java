package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PLMLIMIT_REG, Protected Low Memory Limit Register: offset 0x6c, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Protected Low Memory Limit Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PlmlimitReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x6c;

  /** Every bit of the word. */
  public static final Layout LAYOUT = Layout.of32("PLMLIMIT_REG").field("PLML", 31, 0, RW).build();

  /** Protected Low-Memory Limit. */
  public static final Field PLML = LAYOUT.field("PLML");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
