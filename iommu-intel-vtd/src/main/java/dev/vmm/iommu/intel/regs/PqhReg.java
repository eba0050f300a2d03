package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PQH_REG, Page Request Queue Head Register: offset 0xc0, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Page Request Queue Head Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PqhReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xc0;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("PQH_REG").rsvdz(63, 19).field("PQH", 18, 5, RW).rsvdz(4, 0).build();

  /** Page Queue Head, in units of 32 bytes. */
  public static final Field PQH = LAYOUT.field("PQH");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
