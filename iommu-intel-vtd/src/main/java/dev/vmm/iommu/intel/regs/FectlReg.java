package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * FECTL_REG, Fault Event Control Register: offset 0x38, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Fault Event Control Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record FectlReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x38;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("FECTL_REG").bit("IM", 31, RW).bit("IP", 30, RO).rsvdp(29, 0).build();

  /** Interrupt Mask. */
  public static final Field IM = LAYOUT.field("IM");

  /** Interrupt Pending. */
  public static final Field IP = LAYOUT.field("IP");

  /** Says whether IM is set (Interrupt Mask). */
  public boolean im() {
    return IM.isSet(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
