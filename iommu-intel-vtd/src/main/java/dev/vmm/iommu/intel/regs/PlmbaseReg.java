package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PLMBASE_REG, Protected Low Memory Base Register: offset 0x68, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Protected Low Memory Base Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PlmbaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x68;

  /** Every bit of the word. */
  public static final Layout LAYOUT = Layout.of32("PLMBASE_REG").field("PLMB", 31, 0, RW).build();

  /** Protected Low-Memory Base. */
  public static final Field PLMB = LAYOUT.field("PLMB");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
