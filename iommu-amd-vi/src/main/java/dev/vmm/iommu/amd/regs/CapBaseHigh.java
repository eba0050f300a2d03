package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Base Address High Register of the capability block: offset 0x08 in it, 32 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Base Address High Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CapBaseHigh(long raw) {
  /** The offset in bytes in the capability block. */
  public static final long OFFSET = 0x0008;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("CAP_BASE_HIGH").field("BaseAddressHigh", 31, 0, RO).build();

  /** Base address of the unit registers, bits 63:32. */
  public static final Field BASE_ADDRESS_HIGH = LAYOUT.field("BaseAddressHigh");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
