package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Command Buffer Tail Pointer Register: offset 0x2008, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Command Buffer Tail Pointer Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CmdBufTailReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2008;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CMD_BUF_TAIL").rsvdz(63, 19).field("CmdTailPtr", 18, 4, RW).rsvdz(3, 0).build();

  /** Offset after the last command, in 16 bytes. */
  public static final Field CMD_TAIL_PTR = LAYOUT.field("CmdTailPtr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
