package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * COMPLETE_PPR_REQUEST command, second word.
 *
 * <p>Source: AMD 48882 rev 3, "COMPLETE_PPR_REQUEST".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CompletePprRequestHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("COMPLETE_PPR_REQUEST[127:64]")
          .rsvdz(63, 48)
          .field("CompletionTag", 47, 32, RW)
          .rsvdz(31, 3)
          .bit("GN", 2, RW)
          .rsvdz(1, 0)
          .build();

  /** The tag of the request, and its response code. */
  public static final Field COMPLETION_TAG = LAYOUT.field("CompletionTag");

  /** With PASID. */
  public static final Field GN = LAYOUT.field("GN");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
