package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Context entry of legacy mode, low word.
 *
 * <p>Source: VT-d r4.1, "Context Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ContextEntryLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CONTEXT_ENTRY[63:0]")
          .field("SSPTPTR", 63, 12, RW)
          .rsvdz(11, 4)
          .field("TT", 3, 2, RW)
          .bit("FPD", 1, RW)
          .bit("P", 0, RW)
          .build();

  /** Second Stage Page Translation Pointer, in pages. */
  public static final Field SSPTPTR = LAYOUT.field("SSPTPTR");

  /** Translation Type. */
  public static final Field TT = LAYOUT.field("TT");

  /** Fault Processing Disable. */
  public static final Field FPD = LAYOUT.field("FPD");

  /** Present. */
  public static final Field P = LAYOUT.field("P");

  /** Returns TT (Translation Type). */
  public int tt() {
    return (int) TT.get(raw);
  }

  /** Says whether FPD is set (Fault Processing Disable). */
  public boolean fpd() {
    return FPD.isSet(raw);
  }

  /** Says whether P is set (Present). */
  public boolean p() {
    return P.isSet(raw);
  }

  /** Returns the hpa of the top page table. */
  public long tableRoot() {
    return raw & SSPTPTR.mask();
  }

  /** Returns the translation type in words. */
  public TranslationType translationType() {
    return TranslationType.of(tt());
  }

  /**
   * Returns the word of a present entry that translates untranslated requests by the table at
   * {@code tableRoot} and blocks all others, with faults reported.
   */
  public static long translated(long tableRoot) {
    return (tableRoot & SSPTPTR.mask()) | P.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
