package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IQERCD_REG, Invalidation Queue Error Record Register: offset 0xb0, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidation Queue Error Record Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IqercdReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xb0;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IQERCD_REG")
          .field("ICESID", 63, 48, RO)
          .field("ITESID", 47, 32, RO)
          .rsvdz(31, 4)
          .field("IQEI", 3, 0, RO)
          .build();

  /** Invalidation Completion Error Source Identifier. */
  public static final Field ICESID = LAYOUT.field("ICESID");

  /** Invalidation Time-out Error Source Identifier. */
  public static final Field ITESID = LAYOUT.field("ITESID");

  /** Invalidation Queue Error Info. */
  public static final Field IQEI = LAYOUT.field("IQEI");

  /** Returns IQEI (Invalidation Queue Error Info). */
  public int iqei() {
    return (int) IQEI.get(raw);
  }

  /** Returns the queue error in words. */
  public QueueError error() {
    return QueueError.of(iqei());
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
