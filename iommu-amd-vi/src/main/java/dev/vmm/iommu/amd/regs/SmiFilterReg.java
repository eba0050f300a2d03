package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * SMI Filter Register n, n from 0 to 15: offset 0x0060 and up, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "SMI Filter Registers".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record SmiFilterReg(long raw) {
  /** The offset in bytes of register 0; each next one is 8 further. */
  public static final long OFFSET = 0x0060;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("SMI_FILTER")
          .rsvdz(63, 18)
          .bit("SmiFLock", 17, RW)
          .bit("SmiDV", 16, RW)
          .field("SmiDID", 15, 0, RW)
          .build();

  /** Locked until the next reset. */
  public static final Field SMI_F_LOCK = LAYOUT.field("SmiFLock");

  /** The device id is valid. */
  public static final Field SMI_DV = LAYOUT.field("SmiDV");

  /** A device that may send SMIs. */
  public static final Field SMI_DID = LAYOUT.field("SmiDID");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
