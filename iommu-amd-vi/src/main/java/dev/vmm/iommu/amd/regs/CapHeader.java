package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Capability Header of the unit's PCI function: the first 32 bits of its capability block.
 *
 * <p>Source: AMD 48882 rev 3, "Capability Block Header".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record CapHeader(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of32("CAP_HEADER")
          .rsvdz(31, 29)
          .bit("CapExt", 28, RO)
          .bit("EFRSup", 27, RO)
          .bit("NpCache", 26, RO)
          .bit("HtTunnel", 25, RO)
          .bit("IotlbSup", 24, RO)
          .field("CapRev", 23, 19, RO)
          .field("CapType", 18, 16, RO)
          .field("CapPtr", 15, 8, RO)
          .field("CapId", 7, 0, RO)
          .build();

  /** Capability extension: miscellaneous information 1 is there. */
  public static final Field CAP_EXT = LAYOUT.field("CapExt");

  /** The extended feature register is there. */
  public static final Field EFR_SUP = LAYOUT.field("EFRSup");

  /** Entries that are not present may be cached. */
  public static final Field NP_CACHE = LAYOUT.field("NpCache");

  /** HyperTransport tunnel translation support. */
  public static final Field HT_TUNNEL = LAYOUT.field("HtTunnel");

  /** Device TLB support. */
  public static final Field IOTLB_SUP = LAYOUT.field("IotlbSup");

  /** Capability revision, 1. */
  public static final Field CAP_REV = LAYOUT.field("CapRev");

  /** Capability type, 3. */
  public static final Field CAP_TYPE = LAYOUT.field("CapType");

  /** The next capability. */
  public static final Field CAP_PTR = LAYOUT.field("CapPtr");

  /** Capability ID, 0Fh. */
  public static final Field CAP_ID = LAYOUT.field("CapId");

  private static final int ID = 0x0f;

  private static final int TYPE = 3;

  /** Says whether this is an IOMMU's capability, by its ID and type. */
  public boolean isIommu() {
    return CAP_ID.get(raw) == ID && CAP_TYPE.get(raw) == TYPE;
  }

  /** Says whether there is an extended feature register. */
  public boolean efrSup() {
    return EFR_SUP.isSet(raw);
  }

  /** Says whether the unit may cache entries that are not present. */
  public boolean npCache() {
    return NP_CACHE.isSet(raw);
  }

  /** Says whether the unit translates for a HyperTransport tunnel. */
  public boolean htTunnel() {
    return HT_TUNNEL.isSet(raw);
  }

  /** Says whether device TLBs are supported. */
  public boolean iotlbSup() {
    return IOTLB_SUP.isSet(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
