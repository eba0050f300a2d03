package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device-TLB Invalidate Descriptor, low word.
 *
 * <p>Source: VT-d r4.1, "Device-TLB Invalidate Descriptor".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DeviceTlbDescriptorLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DEV_TLB_INV_DSC[63:0]")
          .field("PFSID_HIGH", 63, 52, RW)
          .rsvdz(51, 48)
          .field("SID", 47, 32, RW)
          .rsvdz(31, 21)
          .field("MIP", 20, 16, RW)
          .field("PFSID_LOW", 15, 12, RW)
          .rsvdz(11, 4)
          .field("TYPE", 3, 0, RW)
          .build();

  /** Physical Function Source-ID bits 15:4. */
  public static final Field PFSID_HIGH = LAYOUT.field("PFSID_HIGH");

  /** Source-ID. */
  public static final Field SID = LAYOUT.field("SID");

  /** Maximum Invalidations Pending. */
  public static final Field MIP = LAYOUT.field("MIP");

  /** Physical Function Source-ID bits 3:0. */
  public static final Field PFSID_LOW = LAYOUT.field("PFSID_LOW");

  /** Descriptor type, 3. */
  public static final Field TYPE = LAYOUT.field("TYPE");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
