package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Exclusion Range Limit Register: offset 0x0028, 64 bits. With SNP it is the completion store
 * limit instead.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Exclusion Range Limit Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ExclLimitReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0028;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EXCL_LIMIT").rsvdz(63, 52).field("ExclLimit", 51, 12, RW).rsvdz(11, 0).build();

  /** The last page of the exclusion range. */
  public static final Field EXCL_LIMIT = LAYOUT.field("ExclLimit");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
