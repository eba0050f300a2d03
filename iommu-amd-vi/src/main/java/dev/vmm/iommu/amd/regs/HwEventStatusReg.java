package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW1C;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Hardware Event Status Register: offset 0x0050, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Hardware Event Status Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record HwEventStatusReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0050;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("HW_EVENT_STATUS").rsvdz(63, 2).bit("HEO", 1, RW1C).bit("HEV", 0, RW1C).build();

  /** Hardware event overflow. */
  public static final Field HEO = LAYOUT.field("HEO");

  /** Hardware event valid. */
  public static final Field HEV = LAYOUT.field("HEV");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
