package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.ONE_SHOT;
import static dev.vmm.bits.AccessKind.WO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * GCMD_REG, Global Command Register: offset 0x18, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Global Command Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record GcmdReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x18;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("GCMD_REG")
          .bit("TE", 31, WO)
          .bit("SRTP", 30, ONE_SHOT)
          .bit("SFL", 29, ONE_SHOT)
          .bit("EAFL", 28, WO)
          .bit("WBF", 27, ONE_SHOT)
          .bit("QIE", 26, WO)
          .bit("IRE", 25, WO)
          .bit("SIRTP", 24, ONE_SHOT)
          .bit("CFI", 23, WO)
          .rsvdz(22, 0)
          .build();

  /** Translation Enable. */
  public static final Field TE = LAYOUT.field("TE");

  /** Set Root Table Pointer. */
  public static final Field SRTP = LAYOUT.field("SRTP");

  /** Set Fault Log. */
  public static final Field SFL = LAYOUT.field("SFL");

  /** Enable Advanced Fault Logging. */
  public static final Field EAFL = LAYOUT.field("EAFL");

  /** Write Buffer Flush. */
  public static final Field WBF = LAYOUT.field("WBF");

  /** Queued Invalidation Enable. */
  public static final Field QIE = LAYOUT.field("QIE");

  /** Interrupt Remapping Enable. */
  public static final Field IRE = LAYOUT.field("IRE");

  /** Set Interrupt Remap Table Pointer. */
  public static final Field SIRTP = LAYOUT.field("SIRTP");

  /** Compatibility Format Interrupt. */
  public static final Field CFI = LAYOUT.field("CFI");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
