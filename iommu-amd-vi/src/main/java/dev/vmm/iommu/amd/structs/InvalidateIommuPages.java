package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * INVALIDATE_IOMMU_PAGES command, first word.
 *
 * <p>Source: AMD 48882 rev 3, "INVALIDATE_IOMMU_PAGES".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record InvalidateIommuPages(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("INVALIDATE_IOMMU_PAGES[63:0]")
          .field("OpCode", 63, 60, RW)
          .rsvdz(59, 48)
          .field("DomainID", 47, 32, RW)
          .rsvdz(31, 20)
          .field("PASID", 19, 0, RW)
          .build();

  /** Operation, 3h. */
  public static final Field OP_CODE = LAYOUT.field("OpCode");

  /** Domain ID. */
  public static final Field DOMAIN_ID = LAYOUT.field("DomainID");

  /** PASID, with GN. */
  public static final Field PASID = LAYOUT.field("PASID");

  /** Returns the word for host translations of a domain id of 16 bits. */
  public static long of(int domainId) {
    return 3L << 60 | DOMAIN_ID.set(0, domainId);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
