package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Invalidation Wait Descriptor, high word.
 *
 * <p>Source: VT-d r4.1, "Invalidation Wait Descriptor".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record WaitDescriptorHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("INV_WAIT_DSC[127:64]").field("STADDR", 63, 2, RW).rsvdz(1, 0).build();

  /** Status Address, in units of 4 bytes. */
  public static final Field STADDR = LAYOUT.field("STADDR");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
