package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * GSTS_REG, Global Status Register: offset 0x1c, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Global Status Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record GstsReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x1c;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("GSTS_REG")
          .bit("TES", 31, RO)
          .bit("RTPS", 30, RO)
          .bit("FLS", 29, RO)
          .bit("AFLS", 28, RO)
          .bit("WBFS", 27, RO)
          .bit("QIES", 26, RO)
          .bit("IRES", 25, RO)
          .bit("IRTPS", 24, RO)
          .bit("CFIS", 23, RO)
          .rsvdz(22, 0)
          .build();

  /** Translation Enable Status. */
  public static final Field TES = LAYOUT.field("TES");

  /** Root Table Pointer Status. */
  public static final Field RTPS = LAYOUT.field("RTPS");

  /** Fault Log Status. */
  public static final Field FLS = LAYOUT.field("FLS");

  /** Advanced Fault Logging Status. */
  public static final Field AFLS = LAYOUT.field("AFLS");

  /** Write Buffer Flush Status: a flush is going on. */
  public static final Field WBFS = LAYOUT.field("WBFS");

  /** Queued Invalidation Enable Status. */
  public static final Field QIES = LAYOUT.field("QIES");

  /** Interrupt Remapping Enable Status. */
  public static final Field IRES = LAYOUT.field("IRES");

  /** Interrupt Remapping Table Pointer Status. */
  public static final Field IRTPS = LAYOUT.field("IRTPS");

  /** Compatibility Format Interrupt Status. */
  public static final Field CFIS = LAYOUT.field("CFIS");

  /** Says whether TES is set (Translation Enable Status). */
  public boolean tes() {
    return TES.isSet(raw);
  }

  /** Says whether QIES is set (Queued Invalidation Enable Status). */
  public boolean qies() {
    return QIES.isSet(raw);
  }

  /**
   * Returns the command word that keeps everything that is on: the status less its one-shot bits.
   * Status and command bits have the same numbers.
   */
  public static long persistentCommands(long raw) {
    return raw & (TES.mask() | AFLS.mask() | QIES.mask() | IRES.mask() | CFIS.mask());
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
