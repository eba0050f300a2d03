package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * VER_REG, Version Register: offset 0x00, 32 bits.
 *
 * <p>Source: VT-d r4.1, "Version Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record VerReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x00;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("VER_REG").rsvdz(31, 8).field("MAX", 7, 4, RO).field("MIN", 3, 0, RO).build();

  /** Major version. */
  public static final Field MAX = LAYOUT.field("MAX");

  /** Minor version. */
  public static final Field MIN = LAYOUT.field("MIN");

  /** Returns MAX (Major version). */
  public int max() {
    return (int) MAX.get(raw);
  }

  /** Returns MIN (Minor version). */
  public int min() {
    return (int) MIN.get(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
