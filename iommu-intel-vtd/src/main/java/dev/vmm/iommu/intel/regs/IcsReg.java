package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW1C;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * ICS_REG, Invalidation Completion Status Register: offset 0x9c, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidation Completion Status Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IcsReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x9c;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("ICS_REG").rsvdz(31, 1).bit("IWC", 0, RW1C).build();

  /** Invalidation Wait Descriptor Complete. */
  public static final Field IWC = LAYOUT.field("IWC");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
