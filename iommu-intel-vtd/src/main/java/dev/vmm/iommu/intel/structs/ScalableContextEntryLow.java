package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Context entry of scalable mode, first of four words.
 *
 * <p>Source: VT-d r4.1, "Scalable-Mode Context Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ScalableContextEntryLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("SM_CONTEXT_ENTRY[63:0]")
          .field("PASIDDIRPTR", 63, 12, RW)
          .field("PDTS", 11, 9, RW)
          .rsvdz(8, 5)
          .bit("PRE", 4, RW)
          .bit("PASIDE", 3, RW)
          .bit("DTE", 2, RW)
          .bit("FPD", 1, RW)
          .bit("P", 0, RW)
          .build();

  /** PASID Directory Pointer, in pages. */
  public static final Field PASIDDIRPTR = LAYOUT.field("PASIDDIRPTR");

  /** PASID Directory size, coded. */
  public static final Field PDTS = LAYOUT.field("PDTS");

  /** Page Request Enable. */
  public static final Field PRE = LAYOUT.field("PRE");

  /** PASID Enable. */
  public static final Field PASIDE = LAYOUT.field("PASIDE");

  /** Device-TLB Enable. */
  public static final Field DTE = LAYOUT.field("DTE");

  /** Fault Processing Disable. */
  public static final Field FPD = LAYOUT.field("FPD");

  /** Present. */
  public static final Field P = LAYOUT.field("P");

  /** Says whether P is set (Present). */
  public boolean p() {
    return P.isSet(raw);
  }

  /** Returns the hpa of the PASID directory. */
  public long pasidDirectory() {
    return raw & PASIDDIRPTR.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
