package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Low word of an interrupt remapping table entry of 128 bits, as with GAEn, for an interrupt of the
 * host.
 *
 * <p>Source: AMD 48882 rev 3, "Interrupt Virtualization Tables with Guest Virtual APIC Enabled".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record WideIrteLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTE[63:0]")
          .rsvdz(63, 32)
          .field("DestinationLow", 31, 8, RW)
          .bit("GuestMode", 7, RW)
          .bit("DM", 6, RW)
          .bit("RqEoi", 5, RW)
          .field("IntType", 4, 2, RW)
          .bit("SupIOPF", 1, RW)
          .bit("RemapEn", 0, RW)
          .build();

  /** APIC id, or a set of processors with DM; bits 23:0. */
  public static final Field DESTINATION_LOW = LAYOUT.field("DestinationLow");

  /** Whether the entry is for a guest: then {@link GuestIrteLow} says what the bits are. */
  public static final Field GUEST_MODE = LAYOUT.field("GuestMode");

  /** Destination mode: logical. */
  public static final Field DM = LAYOUT.field("DM");

  /** Interrupt type: 0 fixed, 1 arbitrated, all else reserved. */
  public static final Field INT_TYPE = LAYOUT.field("IntType");

  /** Remap enable: an entry without it stops the interrupt. */
  public static final Field REMAP_EN = LAYOUT.field("RemapEn");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
