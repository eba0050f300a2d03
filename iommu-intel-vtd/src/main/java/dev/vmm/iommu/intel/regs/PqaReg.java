package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PQA_REG, Page Request Queue Address Register: offset 0xd0, 64 bits.
 *
 * <p>Source: VT-d r4.1, "Page Request Queue Address Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record PqaReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0xd0;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("PQA_REG").field("PQA", 63, 12, RW).rsvdz(11, 3).field("PQS", 2, 0, RW).build();

  /** Page Request Queue Base Address, in pages. */
  public static final Field PQA = LAYOUT.field("PQA");

  /** Page Queue Size, log2 of pages. */
  public static final Field PQS = LAYOUT.field("PQS");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
