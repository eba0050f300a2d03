package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PQT_REG, Page Request Queue Tail Register: offset 0xc8, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Page Request Queue Tail Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PqtReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xc8;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("PQT_REG").rsvdz(63, 19).field("PQT", 18, 5, RW).rsvdz(4, 0).build();

  /** Page Queue Tail, in units of 32 bytes. */
  public static final Field PQT = LAYOUT.field("PQT");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
