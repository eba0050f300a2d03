package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PMEN_REG, Protected Memory Enable Register: offset 0x64, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Protected Memory Enable Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PmenReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x64;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("PMEN_REG").bit("EPM", 31, RW).rsvdp(30, 1).bit("PRS", 0, RO).build();

  /** Enable Protected Memory. */
  public static final Field EPM = LAYOUT.field("EPM");

  /** Protected Region Status. */
  public static final Field PRS = LAYOUT.field("PRS");

  /** Says whether EPM is set (Enable Protected Memory). */
  public boolean epm() {
    return EPM.isSet(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
