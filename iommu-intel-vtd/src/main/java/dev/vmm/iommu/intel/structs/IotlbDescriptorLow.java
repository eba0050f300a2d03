package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOTLB Invalidate Descriptor, low word.
 *
 * <p>Source: VT-d r4.1, "IOTLB Invalidate".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IotlbDescriptorLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IOTLB_INV_DSC[63:0]")
          .rsvdz(63, 32)
          .field("DID", 31, 16, RW)
          .rsvdz(15, 8)
          .bit("DR", 7, RW)
          .bit("DW", 6, RW)
          .field("G", 5, 4, RW)
          .field("TYPE", 3, 0, RW)
          .build();

  /** Domain-ID. */
  public static final Field DID = LAYOUT.field("DID");

  /** Drain Reads. */
  public static final Field DR = LAYOUT.field("DR");

  /** Drain Writes. */
  public static final Field DW = LAYOUT.field("DW");

  /** Granularity: 1 global, 2 domain, 3 page. */
  public static final Field G = LAYOUT.field("G");

  /** Descriptor type, 2. */
  public static final Field TYPE = LAYOUT.field("TYPE");

  /**
   * Returns the low word.
   *
   * @param granularity 1 global, 2 domain, 3 page-selective within the domain
   */
  public static long of(int granularity, int domainId, boolean drainReads, boolean drainWrites) {
    return 0x2L
        | G.set(0, granularity)
        | DID.set(0, domainId)
        | (drainReads ? DR.mask() : 0)
        | (drainWrites ? DW.mask() : 0);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
