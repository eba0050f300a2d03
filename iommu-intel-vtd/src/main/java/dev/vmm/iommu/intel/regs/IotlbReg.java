package dev.vmm.iommu.intel.regs;

import static dev.vmm.bits.AccessKind.RO;
import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOTLB_REG, IOTLB Invalidate Register: offset 0x08 from ECAP.IRO * 16, 64 bits.
 *
 * <p>Source: VT-d r4.1, "IOTLB Invalidate Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record IotlbReg(long raw) {
  /** The offset in bytes from ECAP.IRO * 16. */
  public static final long OFFSET = 0x08;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("IOTLB_REG")
          .bit("IVT", 63, RW)
          .rsvdz(62, 62)
          .field("IIRG", 61, 60, RW)
          .rsvdz(59, 59)
          .field("IAIG", 58, 57, RO)
          .rsvdz(56, 50)
          .bit("DR", 49, RW)
          .bit("DW", 48, RW)
          .field("DID", 47, 32, RW)
          .rsvdz(31, 0)
          .build();

  /** Invalidate IOTLB; hardware clears it when done. */
  public static final Field IVT = LAYOUT.field("IVT");

  /** IOTLB Invalidation Request Granularity. */
  public static final Field IIRG = LAYOUT.field("IIRG");

  /** IOTLB Actual Invalidation Granularity. */
  public static final Field IAIG = LAYOUT.field("IAIG");

  /** Drain Reads. */
  public static final Field DR = LAYOUT.field("DR");

  /** Drain Writes. */
  public static final Field DW = LAYOUT.field("DW");

  /** Domain-ID. */
  public static final Field DID = LAYOUT.field("DID");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
