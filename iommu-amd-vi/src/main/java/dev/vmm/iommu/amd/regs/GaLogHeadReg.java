package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Guest Virtual APIC Log Head Pointer Register: offset 0x2040, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Guest Virtual APIC Log Head Pointer Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record GaLogHeadReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x2040;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("GA_LOG_HEAD").rsvdz(63, 16).field("GALHdPtr", 15, 3, RW).rsvdz(2, 0).build();

  /** Offset of the next entry that software reads, in 8 bytes. */
  public static final Field GAL_HD_PTR = LAYOUT.field("GALHdPtr");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
