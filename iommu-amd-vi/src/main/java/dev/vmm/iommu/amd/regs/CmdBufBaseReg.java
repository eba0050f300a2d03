package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Command Buffer Base Address Register: offset 0x0008, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Command Buffer Base Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CmdBufBaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0008;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CMD_BUF_BASE")
          .rsvdz(63, 60)
          .field("ComLen", 59, 56, RW)
          .rsvdz(55, 52)
          .field("ComBase", 51, 12, RW)
          .rsvdz(11, 0)
          .build();

  /** Command buffer length, log2 of entries; below 8 reserved. */
  public static final Field COM_LEN = LAYOUT.field("ComLen");

  /** Command buffer base, in pages. */
  public static final Field COM_BASE = LAYOUT.field("ComBase");

  /**
   * Returns the word for a command buffer.
   *
   * @param hpa a multiple of 4096
   * @param entries a power of two from 256 to 32768
   */
  public static long of(long hpa, int entries) {
    return (hpa & COM_BASE.mask()) | COM_LEN.set(0, Integer.numberOfTrailingZeros(entries));
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
