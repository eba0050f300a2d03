package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Low word of an interrupt-remapping table entry for posted interrupts.
 *
 * <p>Source: VT-d r4.1, "Interrupt Remapping Table Entry (IRTE) for Posted Interrupts".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PostedIrteLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTE_POSTED[63:0]")
          .field("PDAL", 63, 38, RW)
          .rsvdz(37, 24)
          .field("VV", 23, 16, RW)
          .bit("IM", 15, RW)
          .bit("URG", 14, RW)
          .rsvdz(13, 12)
          .field("AVAIL", 11, 8, RW)
          .rsvdz(7, 2)
          .bit("FPD", 1, RW)
          .bit("P", 0, RW)
          .build();

  /** Posted Descriptor Address, bits 31:6. */
  public static final Field PDAL = LAYOUT.field("PDAL");

  /** Virtual vector. */
  public static final Field VV = LAYOUT.field("VV");

  /** IRTE Mode: 1, posted. */
  public static final Field IM = LAYOUT.field("IM");

  /** Urgent. */
  public static final Field URG = LAYOUT.field("URG");

  /** For software. */
  public static final Field AVAIL = LAYOUT.field("AVAIL");

  /** Fault Processing Disable. */
  public static final Field FPD = LAYOUT.field("FPD");

  /** Present. */
  public static final Field P = LAYOUT.field("P");

  /** Returns VV (the guest's vector). */
  public int vv() {
    return (int) VV.get(raw);
  }

  /**
   * Returns the hpa of the posted-interrupt descriptor.
   *
   * @param high the entry's high word
   */
  public long descriptor(IrteHigh high) {
    return (PDAL.get(raw) << 6) | (IrteHigh.PDAH.get(high.raw()) << 32);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
