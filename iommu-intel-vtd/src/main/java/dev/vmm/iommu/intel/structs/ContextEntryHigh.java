package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Context entry of legacy mode, high word; bit 0 here is bit 64 of the entry.
 *
 * <p>Source: VT-d r4.1, "Context Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ContextEntryHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CONTEXT_ENTRY[127:64]")
          .rsvdz(63, 24)
          .field("DID", 23, 8, RW)
          .rsvdz(7, 7)
          .field("IGN", 6, 3, RW)
          .field("AW", 2, 0, RW)
          .build();

  /** Domain Identifier. */
  public static final Field DID = LAYOUT.field("DID");

  /** Ignored by hardware. */
  public static final Field IGN = LAYOUT.field("IGN");

  /** Address Width, coded. */
  public static final Field AW = LAYOUT.field("AW");

  /** Returns DID (Domain Identifier). */
  public int did() {
    return (int) DID.get(raw);
  }

  /** Returns AW (Address Width, coded). */
  public int aw() {
    return (int) AW.get(raw);
  }

  /** Returns the levels of the page table by AW, 0 if AW is a reserved code. */
  public int levels() {
    return aw() >= 1 && aw() <= 3 ? aw() + 2 : 0;
  }

  /** Returns the word of an entry with this domain id and levels of page table, 3 to 5. */
  public static long of(int domainId, int levels) {
    return DID.set(0, domainId) | AW.set(0, levels - 2);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
