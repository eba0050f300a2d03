package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * COMPLETION_WAIT command, second word.
 *
 * <p>Source: AMD 48882 rev 3, "COMPLETION_WAIT".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CompletionWaitHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("COMPLETION_WAIT[127:64]").field("StoreData", 63, 0, RW).build();

  /** What is stored, with S. */
  public static final Field STORE_DATA = LAYOUT.field("StoreData");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
