package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PPR Log Tail Pointer Register: offset 0x2038, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "PPR Log Tail Pointer Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PprLogTailReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2038;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("PPR_LOG_TAIL").rsvdz(63, 19).field("PPRTailPtr", 18, 4, RW).rsvdz(3, 0).build();

  /** Offset after the last request, in 16 bytes. */
  public static final Field PPR_TAIL_PTR = LAYOUT.field("PPRTailPtr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
