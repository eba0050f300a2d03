package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Event Log Tail Pointer Register: offset 0x2018, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Event Log Tail Pointer Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record EventLogTailReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2018;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EVENT_LOG_TAIL")
          .rsvdz(63, 19)
          .field("EventTailPtr", 18, 4, RW)
          .rsvdz(3, 0)
          .build();

  /** Offset after the last event, in 16 bytes. */
  public static final Field EVENT_TAIL_PTR = LAYOUT.field("EventTailPtr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
