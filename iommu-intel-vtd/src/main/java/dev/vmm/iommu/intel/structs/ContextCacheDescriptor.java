package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Context-cache Invalidate Descriptor, low word; the high word is reserved.
 *
 * <p>Source: VT-d r4.1, "Context-cache Invalidate Descriptor".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ContextCacheDescriptor(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CC_INV_DSC[63:0]")
          .rsvdz(63, 50)
          .field("FM", 49, 48, RW)
          .field("SID", 47, 32, RW)
          .field("DID", 31, 16, RW)
          .rsvdz(15, 6)
          .field("G", 5, 4, RW)
          .field("TYPE", 3, 0, RW)
          .build();

  /** Function Mask. */
  public static final Field FM = LAYOUT.field("FM");

  /** Source-ID. */
  public static final Field SID = LAYOUT.field("SID");

  /** Domain-ID. */
  public static final Field DID = LAYOUT.field("DID");

  /** Granularity: 1 global, 2 domain, 3 device. */
  public static final Field G = LAYOUT.field("G");

  /** Descriptor type, 1. */
  public static final Field TYPE = LAYOUT.field("TYPE");

  /** Returns the descriptor of a global invalidation. */
  public static long global() {
    return 0x1L | G.set(0, 1);
  }

  /** Returns the descriptor of an invalidation of one function's entry, cached with a domain id. */
  public static long device(int domainId, int sourceId) {
    return 0x1L | G.set(0, 3) | DID.set(0, domainId) | SID.set(0, sourceId);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
