package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Command Buffer Head Pointer Register: offset 0x2000, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Command Buffer Head Pointer Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CmdBufHeadReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2000;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CMD_BUF_HEAD").rsvdz(63, 19).field("CmdHdPtr", 18, 4, RW).rsvdz(3, 0).build();

  /** Offset of the next command that the unit takes, in 16 bytes. */
  public static final Field CMD_HD_PTR = LAYOUT.field("CmdHdPtr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
