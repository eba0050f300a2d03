package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device Table Base Address Register: offset 0x0000, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Device Table Base Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DevTabBaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0000;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DEV_TAB_BASE")
          .rsvdz(63, 52)
          .field("DevTabBase", 51, 12, RW)
          .rsvdz(11, 9)
          .field("Size", 8, 0, RW)
          .build();

  /** Device table base, in pages. */
  public static final Field DEV_TAB_BASE = LAYOUT.field("DevTabBase");

  /** Size, pages less one. */
  public static final Field SIZE = LAYOUT.field("Size");

  /**
   * Returns the word for a device table.
   *
   * @param hpa a multiple of 4096
   * @param lengthBytes a multiple of 4096, at most 2 MiB
   */
  public static long of(long hpa, long lengthBytes) {
    return (hpa & DEV_TAB_BASE.mask()) | SIZE.set(0, lengthBytes / 4096 - 1);
  }

  /** Returns the hpa of the first entry. */
  public long base() {
    return raw & DEV_TAB_BASE.mask();
  }

  /** Returns the length in bytes. */
  public long lengthBytes() {
    return (SIZE.get(raw) + 1) * 4096;
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
