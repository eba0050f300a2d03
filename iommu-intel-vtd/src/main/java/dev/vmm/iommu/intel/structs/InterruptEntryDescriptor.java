package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Interrupt Entry Cache Invalidate Descriptor, low word; the high word is reserved.
 *
 * <p>Source: VT-d r4.1, "Interrupt Entry Cache Invalidate Descriptor".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record InterruptEntryDescriptor(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IEC_INV_DSC[63:0]")
          .rsvdz(63, 48)
          .field("IIDX", 47, 32, RW)
          .field("IM", 31, 27, RW)
          .rsvdz(26, 5)
          .bit("G", 4, RW)
          .field("TYPE", 3, 0, RW)
          .build();

  /** Interrupt Index. */
  public static final Field IIDX = LAYOUT.field("IIDX");

  /** Index Mask. */
  public static final Field IM = LAYOUT.field("IM");

  /** Granularity: 0 global, 1 index-selective. */
  public static final Field G = LAYOUT.field("G");

  /** Descriptor type, 4. */
  public static final Field TYPE = LAYOUT.field("TYPE");

  /** Returns the descriptor of an invalidation of all entries. */
  public static long global() {
    return 0x4L;
  }

  /**
   * Returns the descriptor of an invalidation of {@code 2^mask} entries.
   *
   * @param index the first, a multiple of that
   */
  public static long index(int index, int mask) {
    return 0x4L | G.set(0, 1) | IM.set(0, mask) | IIDX.set(0, index);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
