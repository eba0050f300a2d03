package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * RTADDR_REG, Root Table Address Register: offset 0x20, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Root Table Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record RtaddrReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x20;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("RTADDR_REG")
          .field("RTA", 63, 12, RW)
          .field("TTM", 11, 10, RW)
          .rsvdz(9, 0)
          .build();

  /** Root Table Address, in pages. */
  public static final Field RTA = LAYOUT.field("RTA");

  /** Translation Table Mode. */
  public static final Field TTM = LAYOUT.field("TTM");

  /** Returns TTM (Translation Table Mode). */
  public int ttm() {
    return (int) TTM.get(raw);
  }

  /** Returns the hpa of the root table. */
  public long rootTable() {
    return raw & RTA.mask();
  }

  /** Returns the translation table mode in words. */
  public TranslationTableMode mode() {
    return TranslationTableMode.of(ttm());
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
