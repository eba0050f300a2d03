package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PPR Log Head Pointer Register: offset 0x2030, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "PPR Log Head Pointer Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PprLogHeadReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2030;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("PPR_LOG_HEAD").rsvdz(63, 19).field("PPRHdPtr", 18, 4, RW).rsvdz(3, 0).build();

  /** Offset of the next request that software reads, in 16 bytes. */
  public static final Field PPR_HD_PTR = LAYOUT.field("PPRHdPtr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
