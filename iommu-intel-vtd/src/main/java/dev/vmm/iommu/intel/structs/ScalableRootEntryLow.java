package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Root entry of scalable mode, low word: devices 0 to 15 of the bus.
 *
 * <p>Source: VT-d r4.1, "Scalable-Mode Root Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ScalableRootEntryLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("SM_ROOT_ENTRY[63:0]")
          .field("LCTP", 63, 12, RW)
          .rsvdz(11, 1)
          .bit("LP", 0, RW)
          .build();

  /** Lower Context-table Pointer, in pages. */
  public static final Field LCTP = LAYOUT.field("LCTP");

  /** Lower Present. */
  public static final Field LP = LAYOUT.field("LP");

  /** Says whether LP is set (Lower Present). */
  public boolean lp() {
    return LP.isSet(raw);
  }

  /** Returns the hpa of the lower context table. */
  public long contextTable() {
    return raw & LCTP.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
