package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * FRCD_REG, Fault Recording Register, low half.
 *
 * <p>Source: VT-d r4.1, "Fault Recording Registers".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record FrcdLowReg(long raw) {
  /** The offset in bytes from the record, which is at CAP.FRO * 16 and every 16 bytes after. */
  public static final long OFFSET = 0x00;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("FRCD_REG[63:0]").field("FI", 63, 12, RO).rsvdz(11, 0).build();

  /** Fault Info: the page of the faulting address; of an interrupt the index, in bits 63:48. */
  public static final Field FI = LAYOUT.field("FI");

  /** Returns the address of the page that was asked for. */
  public long address() {
    return raw & FI.mask();
  }

  /** Returns the index of the entry, where an interrupt was blocked: bits 63:48. */
  public int interruptIndex() {
    return (int) (raw >>> 48);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
