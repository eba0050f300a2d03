package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IQA_REG, Invalidation Queue Address Register: offset 0x90, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Invalidation Queue Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IqaReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x90;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IQA_REG")
          .field("IQA", 63, 12, RW)
          .bit("DW", 11, RW)
          .rsvdz(10, 3)
          .field("QS", 2, 0, RW)
          .build();

  /** Invalidation Queue Base Address, in pages. */
  public static final Field IQA = LAYOUT.field("IQA");

  /** Descriptor Width: 256 bits. */
  public static final Field DW = LAYOUT.field("DW");

  /** Queue Size, log2 of pages. */
  public static final Field QS = LAYOUT.field("QS");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
