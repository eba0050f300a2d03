package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PECTL_REG, Page Request Event Control Register: offset 0xe0, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Page Request Event Control Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PectlReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xe0;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("PECTL_REG").bit("IM", 31, RW).bit("IP", 30, RO).rsvdp(29, 0).build();

  /** Interrupt Mask. */
  public static final Field IM = LAYOUT.field("IM");

  /** Interrupt Pending. */
  public static final Field IP = LAYOUT.field("IP");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
