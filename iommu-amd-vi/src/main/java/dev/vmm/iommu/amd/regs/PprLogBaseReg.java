package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PPR Log Base Address Register: offset 0x0038, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "PPR Log Base Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PprLogBaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0038;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("PPR_LOG_BASE")
          .rsvdz(63, 60)
          .field("PPRLogLen", 59, 56, RW)
          .rsvdz(55, 52)
          .field("PPRLogBase", 51, 12, RW)
          .rsvdz(11, 0)
          .build();

  /** PPR log length, log2 of entries. */
  public static final Field PPR_LOG_LEN = LAYOUT.field("PPRLogLen");

  /** PPR log base, in pages. */
  public static final Field PPR_LOG_BASE = LAYOUT.field("PPRLogBase");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
