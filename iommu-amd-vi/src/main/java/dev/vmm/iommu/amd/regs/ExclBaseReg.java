package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Exclusion Base Register: offset 0x0020, 64 bits. With SNP it is the completion store base
 * instead.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Exclusion Base Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ExclBaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0020;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EXCL_BASE")
          .rsvdz(63, 52)
          .field("ExclBase", 51, 12, RW)
          .rsvdz(11, 2)
          .bit("Allow", 1, RW)
          .bit("ExEn", 0, RW)
          .build();

  /** Exclusion range base, in pages. */
  public static final Field EXCL_BASE = LAYOUT.field("ExclBase");

  /** Allow: the exclusion range is for all devices. */
  public static final Field ALLOW = LAYOUT.field("Allow");

  /** Exclusion enable: accesses to the range are not translated. */
  public static final Field EX_EN = LAYOUT.field("ExEn");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
