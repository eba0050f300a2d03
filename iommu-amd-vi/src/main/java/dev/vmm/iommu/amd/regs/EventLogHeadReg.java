package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Event Log Head Pointer Register: offset 0x2010, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Event Log Head Pointer Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record EventLogHeadReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2010;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EVENT_LOG_HEAD")
          .rsvdz(63, 19)
          .field("EventHdPtr", 18, 4, RW)
          .rsvdz(3, 0)
          .build();

  /** Offset of the next event that software reads, in 16 bytes. */
  public static final Field EVENT_HD_PTR = LAYOUT.field("EventHdPtr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
