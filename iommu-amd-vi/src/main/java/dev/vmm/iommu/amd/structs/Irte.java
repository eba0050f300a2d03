package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Entry of an interrupt remapping table, 32 bits: the format of a unit whose GAEn is 0.
 *
 * <p>Source: AMD 48882 rev 3, "Interrupt Remapping Tables, Guest Virtual APIC Not Enabled".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the entry
 */
public record Irte(int raw) {
  /** Every bit of the entry. */
  public static final Layout LAYOUT =
      Layout.of32("IRTE")
          .rsvdz(31, 24)
          .field("Vector", 23, 16, RW)
          .field("Destination", 15, 8, RW)
          .bit("GuestMode", 7, RW)
          .bit("DM", 6, RW)
          .bit("RqEoi", 5, RW)
          .field("IntType", 4, 2, RW)
          .bit("SupIOPF", 1, RW)
          .bit("RemapEn", 0, RW)
          .build();

  /** Interrupt vector. */
  public static final Field VECTOR = LAYOUT.field("Vector");

  /** APIC id, or a set of processors with DM. */
  public static final Field DESTINATION = LAYOUT.field("Destination");

  /** For a guest's virtual APIC: 0 in this format. */
  public static final Field GUEST_MODE = LAYOUT.field("GuestMode");

  /** Destination mode: logical. */
  public static final Field DM = LAYOUT.field("DM");

  /** Request an end-of-interrupt message: of level-triggered ones. */
  public static final Field RQ_EOI = LAYOUT.field("RqEoi");

  /** Interrupt type: 0 fixed, 1 arbitrated, all else reserved. */
  public static final Field INT_TYPE = LAYOUT.field("IntType");

  /** Suppress the page fault event of what this entry stops. */
  public static final Field SUP_IOPF = LAYOUT.field("SupIOPF");

  /** Remap enable: an entry without it stops the interrupt. */
  public static final Field REMAP_EN = LAYOUT.field("RemapEn");

  /** The length of an entry in bytes. */
  public static final int BYTES = 4;

  @Override
  public String toString() {
    return LAYOUT.describe(Integer.toUnsignedLong(raw));
  }
}
