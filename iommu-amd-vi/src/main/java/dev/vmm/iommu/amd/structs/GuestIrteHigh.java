package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * High word of an interrupt remapping table entry of 128 bits for an interrupt of a guest; bit 0
 * here is bit 64 of the entry.
 *
 * <p>Source: AMD 48882 rev 3, "Interrupt Virtualization Tables with Guest Virtual APIC Enabled".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record GuestIrteHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTE_GUEST[127:64]")
          .field("DestinationHigh", 63, 56, RW)
          .rsvdz(55, 52)
          .field("GuestVApicRoot", 51, 12, RW)
          .rsvdz(11, 8)
          .field("Vector", 7, 0, RW)
          .build();

  /** The page of the guest processor's virtual APIC, in pages. */
  public static final Field GUEST_V_APIC_ROOT = LAYOUT.field("GuestVApicRoot");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
