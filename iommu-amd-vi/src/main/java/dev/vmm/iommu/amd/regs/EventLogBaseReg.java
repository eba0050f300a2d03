package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Event Log Base Address Register: offset 0x0010, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Event Log Base Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record EventLogBaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0010;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EVENT_LOG_BASE")
          .rsvdz(63, 60)
          .field("EventLen", 59, 56, RW)
          .rsvdz(55, 52)
          .field("EventBase", 51, 12, RW)
          .rsvdz(11, 0)
          .build();

  /** Event log length, log2 of entries; below 8 reserved. */
  public static final Field EVENT_LEN = LAYOUT.field("EventLen");

  /** Event log base, in pages. */
  public static final Field EVENT_BASE = LAYOUT.field("EventBase");

  /**
   * Returns the word for an event log.
   *
   * @param hpa a multiple of 4096
   * @param entries a power of two from 256 to 32768
   */
  public static long of(long hpa, int entries) {
    return (hpa & EVENT_BASE.mask()) | EVENT_LEN.set(0, Integer.numberOfTrailingZeros(entries));
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
