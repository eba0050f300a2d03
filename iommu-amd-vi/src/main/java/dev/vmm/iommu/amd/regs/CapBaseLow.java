package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Base Address Low Register of the capability block: offset 0x04 in it, 32 bits.
 *
 * <p>Source: AMD 48882 rev 3, "Base Address Low Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CapBaseLow(long raw) {
  /** The offset in bytes in the capability block. */
  public static final long OFFSET = 0x0004;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("CAP_BASE_LOW")
          .field("BaseAddressLow", 31, 14, RO)
          .rsvdz(13, 1)
          .bit("Enable", 0, RO)
          .build();

  /** Base address of the unit registers, bits 31:14. */
  public static final Field BASE_ADDRESS_LOW = LAYOUT.field("BaseAddressLow");

  /** The unit answers at this address. */
  public static final Field ENABLE = LAYOUT.field("Enable");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
