package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW;
import static dev.vmm.bits.AccessKind.WO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * CCMD_REG, Context Command Register: offset 0x28, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Context Command Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CcmdReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x28;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CCMD_REG")
          .bit("ICC", 63, RW)
          .field("CIRG", 62, 61, RW)
          .field("CAIG", 60, 59, RO)
          .rsvdz(58, 34)
          .field("FM", 33, 32, WO)
          .field("SID", 31, 16, WO)
          .field("DID", 15, 0, RW)
          .build();

  /** Invalidate Context-Cache; hardware clears it when done. */
  public static final Field ICC = LAYOUT.field("ICC");

  /** Context Invalidation Request Granularity. */
  public static final Field CIRG = LAYOUT.field("CIRG");

  /** Context Actual Invalidation Granularity. */
  public static final Field CAIG = LAYOUT.field("CAIG");

  /** Function Mask. */
  public static final Field FM = LAYOUT.field("FM");

  /** Source-ID. */
  public static final Field SID = LAYOUT.field("SID");

  /** Domain-ID. */
  public static final Field DID = LAYOUT.field("DID");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
