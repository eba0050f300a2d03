package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.VmmException;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.InterruptTarget;

/**
 * Entry of an interrupt remapping table, 32 bits: the format of a unit whose GAEn is 0.
 *
 * <p>Source: AMD 48882 rev 3, "Interrupt Remapping Tables, Guest Virtual APIC Not Enabled".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the entry
 */
public record Irte(long raw) {
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

  /** The entry that stops the interrupt and tells of it. */
  public static final Irte BLOCKED = new Irte(0);

  /** The length of an entry in bytes. */
  public static final int BYTES = 4;

  private static final int LOWEST_PRIORITY = 1;
  private static final int MOST_DESTINATION = 0xff;

  /**
   * Returns the entry that sends the interrupt there. One with the redirection hint or the mode of
   * lowest priority is arbitrated: one of several processors takes it.
   *
   * @throws VmmException EINVAL if the entry cannot say that
   */
  public static Irte to(InterruptTarget target) {
    int mode = target.deliveryMode();
    if (mode != 0 && mode != LOWEST_PRIORITY) {
      throw VmmException.invalid(
          "an AMD-Vi unit cannot remap to delivery mode %d: expected 0 (fixed) or 1 (lowest priority)",
          mode);
    }
    if ((target.destination() & ~MOST_DESTINATION) != 0) {
      throw VmmException.invalid(
          "the interrupt table's entries cannot name APIC 0x%x: expected at most 0xff; choose a processor with a lower id",
          target.destination());
    }
    boolean arbitrated = mode == LOWEST_PRIORITY || target.lowestPriority();
    return new Irte(
        REMAP_EN.mask()
            | INT_TYPE.set(0, arbitrated ? 1 : 0)
            | (target.levelTriggered() ? RQ_EOI.mask() : 0)
            | (target.logical() ? DM.mask() : 0)
            | DESTINATION.set(0, target.destination())
            | VECTOR.set(0, target.vector()));
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
