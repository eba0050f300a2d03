package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * MTRRDEF_REG, MTRR Default Type Register: offset 0x108, 64 bits.
 *
 * <p>Source: VT-d r4.1, "MTRR Default Type Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record MtrrdefReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x108;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("MTRRDEF_REG")
          .rsvdz(63, 12)
          .bit("E", 11, RW)
          .bit("FE", 10, RW)
          .rsvdz(9, 8)
          .field("TYPE", 7, 0, RW)
          .build();

  /** MTRR Enable. */
  public static final Field E = LAYOUT.field("E");

  /** Fixed-range MTRR Enable. */
  public static final Field FE = LAYOUT.field("FE");

  /** Default memory type. */
  public static final Field TYPE = LAYOUT.field("TYPE");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
