package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IECTL_REG, Invalidation Event Control Register: offset 0xa0, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidation Event Control Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IectlReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xa0;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("IECTL_REG").bit("IM", 31, RW).bit("IP", 30, RO).rsvdp(29, 0).build();

  /** Interrupt Mask. */
  public static final Field IM = LAYOUT.field("IM");

  /** Interrupt Pending. */
  public static final Field IP = LAYOUT.field("IP");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
