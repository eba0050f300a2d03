package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Guest Virtual APIC Log Tail Address Register: offset 0x00e8, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Guest Virtual APIC Log Tail Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record GaLogTailAddressReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x00e8;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("GA_LOG_TAIL_ADDRESS")
          .rsvdz(63, 52)
          .field("GALogTailAddr", 51, 3, RW)
          .rsvdz(2, 0)
          .build();

  /** Where the unit writes its log tail, in 8 bytes. */
  public static final Field GA_LOG_TAIL_ADDR = LAYOUT.field("GALogTailAddr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
