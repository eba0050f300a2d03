package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Low word of an interrupt remapping table entry of 128 bits for an interrupt of a guest.
 *
 * <p>Source: AMD 48882 rev 3, "Interrupt Virtualization Tables with Guest Virtual APIC Enabled".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record GuestIrteLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTE_GUEST[63:0]")
          .field("GATag", 63, 32, RW)
          .field("DestinationLow", 31, 8, RW)
          .bit("GuestMode", 7, RW)
          .bit("IsRun", 6, RW)
          .rsvdz(5, 3)
          .bit("GALogIntr", 2, RW)
          .bit("SupIOPF", 1, RW)
          .bit("RemapEn", 0, RW)
          .build();

  /** What the guest virtual APIC log says of this interrupt. */
  public static final Field GA_TAG = LAYOUT.field("GATag");

  /** Whether the processor of the guest runs: then the interrupt goes to it at once. */
  public static final Field IS_RUN = LAYOUT.field("IsRun");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
