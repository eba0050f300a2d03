package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW1C;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * FSTS_REG, Fault Status Register: offset 0x34, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Fault Status Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record FstsReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x34;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("FSTS_REG")
          .rsvdz(31, 16)
          .field("FRI", 15, 8, RO)
          .rsvdz(7, 7)
          .bit("ITE", 6, RW1C)
          .bit("ICE", 5, RW1C)
          .bit("IQE", 4, RW1C)
          .bit("APF", 3, RW1C)
          .bit("AFO", 2, RW1C)
          .bit("PPF", 1, RO)
          .bit("PFO", 0, RW1C)
          .build();

  /** Fault Record Index of the first pending fault. */
  public static final Field FRI = LAYOUT.field("FRI");

  /** Invalidation Time-out Error. */
  public static final Field ITE = LAYOUT.field("ITE");

  /** Invalidation Completion Error. */
  public static final Field ICE = LAYOUT.field("ICE");

  /** Invalidation Queue Error. */
  public static final Field IQE = LAYOUT.field("IQE");

  /** Advanced Pending Fault. */
  public static final Field APF = LAYOUT.field("APF");

  /** Advanced Fault Overflow. */
  public static final Field AFO = LAYOUT.field("AFO");

  /** Primary Pending Fault: a record has F set. */
  public static final Field PPF = LAYOUT.field("PPF");

  /** Primary Fault Overflow. */
  public static final Field PFO = LAYOUT.field("PFO");

  /** Returns FRI (Fault Record Index of the first pending fault). */
  public int fri() {
    return (int) FRI.get(raw);
  }

  /** Says whether PPF is set (Primary Pending Fault: a record has F set). */
  public boolean ppf() {
    return PPF.isSet(raw);
  }

  /** Says whether PFO is set (Primary Fault Overflow). */
  public boolean pfo() {
    return PFO.isSet(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
