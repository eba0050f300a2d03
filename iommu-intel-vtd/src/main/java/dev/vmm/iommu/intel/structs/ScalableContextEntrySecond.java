package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Context entry of scalable mode, second of four words; the last two are reserved.
 *
 * <p>Source: VT-d r4.1, "Scalable-Mode Context Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ScalableContextEntrySecond(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("SM_CONTEXT_ENTRY[127:64]")
          .rsvdz(63, 21)
          .bit("RID_PRIV", 20, RW)
          .field("RID_PASID", 19, 0, RW)
          .build();

  /** Privilege of requests without PASID. */
  public static final Field RID_PRIV = LAYOUT.field("RID_PRIV");

  /** PASID of requests without PASID. */
  public static final Field RID_PASID = LAYOUT.field("RID_PASID");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
