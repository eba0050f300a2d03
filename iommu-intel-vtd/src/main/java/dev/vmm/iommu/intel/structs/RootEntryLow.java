package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Root entry of legacy mode, low word; the high word is reserved.
 *
 * <p>Source: VT-d r4.1, "Root Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record RootEntryLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("ROOT_ENTRY[63:0]").field("CTP", 63, 12, RW).rsvdz(11, 1).bit("P", 0, RW).build();

  /** Context-table Pointer, in pages. */
  public static final Field CTP = LAYOUT.field("CTP");

  /** Present. */
  public static final Field P = LAYOUT.field("P");

  /** Says whether P is set (Present). */
  public boolean p() {
    return P.isSet(raw);
  }

  /** Returns the hpa of the context table. */
  public long contextTable() {
    return raw & CTP.mask();
  }

  /** Returns the word of a present entry for the context table at {@code contextTable}. */
  public static long of(long contextTable) {
    return (contextTable & CTP.mask()) | P.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
