package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Entry of the event log, first word: what all kinds have in common.
 *
 * <p>Source: AMD 48882 rev 3, "Event Logging".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record EventLow(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EVENT[63:0]")
          .field("EventCode", 63, 60, RO)
          .field("Type", 59, 57, RO)
          .bit("TR", 56, RO)
          .bit("RZ", 55, RO)
          .bit("PE", 54, RO)
          .bit("RW", 53, RO)
          .bit("PR", 52, RO)
          .bit("I", 51, RO)
          .bit("US", 50, RO)
          .bit("NX", 49, RO)
          .bit("GN", 48, RO)
          .field("DomainID", 47, 32, RO)
          .field("Reserved", 31, 20, RO)
          .field("PasidHigh", 19, 16, RO)
          .field("DeviceID", 15, 0, RO)
          .build();

  /** Event code. */
  public static final Field EVENT_CODE = LAYOUT.field("EventCode");

  /** Type, of hardware errors and invalid device requests. */
  public static final Field TYPE = LAYOUT.field("Type");

  /** Translation request. */
  public static final Field TR = LAYOUT.field("TR");

  /** Reserved bits are not zero, or a level is wrong. */
  public static final Field RZ = LAYOUT.field("RZ");

  /** Permission was lacking. */
  public static final Field PE = LAYOUT.field("PE");

  /** Write. */
  public static final Field RW = LAYOUT.field("RW");

  /** The entry was present. */
  public static final Field PR = LAYOUT.field("PR");

  /** Interrupt request. */
  public static final Field I = LAYOUT.field("I");

  /** User privilege. */
  public static final Field US = LAYOUT.field("US");

  /** Execute request. */
  public static final Field NX = LAYOUT.field("NX");

  /** Guest or nested address. */
  public static final Field GN = LAYOUT.field("GN");

  /** Domain ID, or PASID with GN. */
  public static final Field DOMAIN_ID = LAYOUT.field("DomainID");

  /** Reserved. */
  public static final Field RESERVED = LAYOUT.field("Reserved");

  /** PASID, bits 19:16. */
  public static final Field PASID_HIGH = LAYOUT.field("PasidHigh");

  /** Device ID. */
  public static final Field DEVICE_ID = LAYOUT.field("DeviceID");

  /** Returns the event code. */
  public int eventCode() {
    return (int) EVENT_CODE.get(raw);
  }

  /** Returns the device id. */
  public int deviceId() {
    return (int) DEVICE_ID.get(raw);
  }

  /** Returns the domain id, or the low bits of a PASID. */
  public int domainId() {
    return (int) DOMAIN_ID.get(raw);
  }

  /** Says whether it was a write. */
  public boolean write() {
    return RW.isSet(raw);
  }

  /** Returns the type, of the kinds that have one. */
  public int type() {
    return (int) TYPE.get(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
