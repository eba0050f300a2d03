package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * High word of an interrupt remapping table entry of 128 bits for an interrupt of the host; bit 0
 * here is bit 64 of the entry.
 *
 * <p>Source: AMD 48882 rev 3, "Interrupt Virtualization Tables with Guest Virtual APIC Enabled".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record WideIrteHigh(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTE[127:64]")
          .field("DestinationHigh", 63, 56, RW)
          .rsvdz(55, 8)
          .field("Vector", 7, 0, RW)
          .build();

  /** APIC id, bits 31:24. */
  public static final Field DESTINATION_HIGH = LAYOUT.field("DestinationHigh");

  /** Interrupt vector. */
  public static final Field VECTOR = LAYOUT.field("Vector");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
