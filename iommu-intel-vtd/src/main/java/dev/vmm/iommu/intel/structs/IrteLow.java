package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.InterruptTarget;

/**
 * Low word of an interrupt-remapping table entry for remapped interrupts.
 *
 * <p>Source: VT-d r4.1, "Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IrteLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IRTE[63:0]")
          .field("DST", 63, 32, RW)
          .rsvdz(31, 24)
          .field("V", 23, 16, RW)
          .bit("IM", 15, RW)
          .rsvdz(14, 12)
          .field("AVAIL", 11, 8, RW)
          .field("DLM", 7, 5, RW)
          .bit("TM", 4, RW)
          .bit("RH", 3, RW)
          .bit("DM", 2, RW)
          .bit("FPD", 1, RW)
          .bit("P", 0, RW)
          .build();

  /** Destination ID: an APIC id; in xAPIC mode in bits 47:40. */
  public static final Field DST = LAYOUT.field("DST");

  /** Vector. */
  public static final Field V = LAYOUT.field("V");

  /** IRTE Mode: posted rather than remapped. */
  public static final Field IM = LAYOUT.field("IM");

  /** For software. */
  public static final Field AVAIL = LAYOUT.field("AVAIL");

  /** Delivery Mode. */
  public static final Field DLM = LAYOUT.field("DLM");

  /** Trigger Mode: level rather than edge. */
  public static final Field TM = LAYOUT.field("TM");

  /** Redirection Hint. */
  public static final Field RH = LAYOUT.field("RH");

  /** Destination Mode: logical rather than physical. */
  public static final Field DM = LAYOUT.field("DM");

  /** Fault Processing Disable. */
  public static final Field FPD = LAYOUT.field("FPD");

  /** Present. */
  public static final Field P = LAYOUT.field("P");

  private static final String[] DELIVERY = {
    "fixed", "lowest priority", "SMI", "reserved 3", "NMI", "INIT", "reserved 6", "ExtINT"
  };

  /**
   * Returns the word of a present entry that leads to a target, and whose blocked messages are
   * told.
   *
   * @param extended whether the unit is in extended interrupt mode (x2APIC); else the destination
   *     has 8 bits
   */
  public static long of(InterruptTarget target, boolean extended) {
    long destination = Integer.toUnsignedLong(target.destination());
    return P.mask()
        | (target.logical() ? DM.mask() : 0)
        | (target.lowestPriority() ? RH.mask() : 0)
        | (target.levelTriggered() ? TM.mask() : 0)
        | DLM.set(0, target.deliveryMode())
        | V.set(0, target.vector())
        | DST.set(0, extended ? destination : destination << 8);
  }

  /** Says whether P is set (Present). */
  public boolean p() {
    return P.isSet(raw);
  }

  /** Says whether IM is set (posted). */
  public boolean im() {
    return IM.isSet(raw);
  }

  /** Returns V (Vector). */
  public int v() {
    return (int) V.get(raw);
  }

  /**
   * Returns the APIC id of the destination.
   *
   * @param extended whether the unit is in extended interrupt mode (x2APIC)
   */
  public long destination(boolean extended) {
    return extended ? DST.get(raw) : (DST.get(raw) >>> 8) & 0xff;
  }

  /** Returns the delivery mode in words. */
  public String delivery() {
    return delivery(DLM.get(raw));
  }

  /** Returns a delivery mode, 0 to 7, in words. */
  public static String delivery(long mode) {
    return DELIVERY[(int) mode];
  }

  /** Says whether a delivery mode, 0 to 7, is none that the book defines. */
  public static boolean isReserved(long mode) {
    return mode == 3 || mode == 6;
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
