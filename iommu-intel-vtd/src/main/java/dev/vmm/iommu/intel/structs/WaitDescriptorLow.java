package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Invalidation Wait Descriptor, low word.
 *
 * <p>Source: VT-d r4.1, "Invalidation Wait Descriptor".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record WaitDescriptorLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("INV_WAIT_DSC[63:0]")
          .field("STDATA", 63, 32, RW)
          .rsvdz(31, 8)
          .bit("PD", 7, RW)
          .bit("FN", 6, RW)
          .bit("SW", 5, RW)
          .bit("IF", 4, RW)
          .field("TYPE", 3, 0, RW)
          .build();

  /** Status Data. */
  public static final Field STDATA = LAYOUT.field("STDATA");

  /** Page-request Drain. */
  public static final Field PD = LAYOUT.field("PD");

  /** Fence: later descriptors wait. */
  public static final Field FN = LAYOUT.field("FN");

  /** Status Write. */
  public static final Field SW = LAYOUT.field("SW");

  /** Interrupt Flag. */
  public static final Field IF = LAYOUT.field("IF");

  /** Descriptor type, 5. */
  public static final Field TYPE = LAYOUT.field("TYPE");

  /** Returns a wait that stores {@code data} (32 bits, unsigned) when all before it are done. */
  public static long statusWrite(int data) {
    return 0x5L | SW.mask() | FN.mask() | STDATA.set(0, Integer.toUnsignedLong(data));
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
