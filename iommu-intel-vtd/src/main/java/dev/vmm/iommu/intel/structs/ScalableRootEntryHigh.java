package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Root entry of scalable mode, high word: devices 16 to 31 of the bus.
 *
 * <p>Source: VT-d r4.1, "Scalable-Mode Root Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ScalableRootEntryHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("SM_ROOT_ENTRY[127:64]")
          .field("UCTP", 63, 12, RW)
          .rsvdz(11, 1)
          .bit("UP", 0, RW)
          .build();

  /** Upper Context-table Pointer, in pages. */
  public static final Field UCTP = LAYOUT.field("UCTP");

  /** Upper Present. */
  public static final Field UP = LAYOUT.field("UP");

  /** Says whether UP is set (Upper Present). */
  public boolean up() {
    return UP.isSet(raw);
  }

  /** Returns the hpa of the upper context table. */
  public long contextTable() {
    return raw & UCTP.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
