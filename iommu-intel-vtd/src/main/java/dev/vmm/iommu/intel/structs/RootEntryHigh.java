package dev.vmm.iommu.intel.structs;

import dev.vmm.bits.Layout;

/**
 * Root entry of legacy mode, high word.
 *
 * <p>Source: VT-d r4.1, "Root Entry".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record RootEntryHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT = Layout.of64("ROOT_ENTRY[127:64]").rsvdz(63, 0).build();

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
