package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IQH_REG, Invalidation Queue Head Register: offset 0x80, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidation Queue Head Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IqhReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x80;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IQH_REG").rsvdz(63, 19).field("QH", 18, 4, RO).rsvdz(3, 0).build();

  /** Queue Head, in units of 16 bytes. */
  public static final Field QH = LAYOUT.field("QH");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
