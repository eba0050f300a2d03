package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Guest Virtual APIC Log Base Address Register: offset 0x00e0, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Guest Virtual APIC Log Base Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record GaLogBaseReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x00e0;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("GA_LOG_BASE")
          .rsvdz(63, 60)
          .field("GALogLen", 59, 56, RW)
          .rsvdz(55, 52)
          .field("GALogBase", 51, 12, RW)
          .rsvdz(11, 0)
          .build();

  /** Log length, log2 of entries. */
  public static final Field GA_LOG_LEN = LAYOUT.field("GALogLen");

  /** Log base, in pages. */
  public static final Field GA_LOG_BASE = LAYOUT.field("GALogBase");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
