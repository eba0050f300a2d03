package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device table entry, fourth word; bit 0 here is bit 192 of the entry.
 *
 * <p>Source: AMD 48882 rev 3, "Device Table Entry Format".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DteWord3(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DTE[255:192]")
          .field("SnoopAttribute", 63, 56, RW)
          .bit("Mode0FC", 55, RW)
          .bit("AttrV", 54, RW)
          .field("Ignored", 53, 53, RW)
          .rsvdz(52, 48)
          .field("GuestID", 47, 32, RW)
          .field("GDeviceID", 31, 16, RW)
          .bit("vImuEn", 15, RW)
          .rsvdz(14, 0)
          .build();

  /** Snoop attribute. */
  public static final Field SNOOP_ATTRIBUTE = LAYOUT.field("SnoopAttribute");

  /** Force coherent where Mode is 0. */
  public static final Field MODE0_FC = LAYOUT.field("Mode0FC");

  /** Attribute override valid. */
  public static final Field ATTR_V = LAYOUT.field("AttrV");

  /** Not looked at: software's own. */
  public static final Field IGNORED = LAYOUT.field("Ignored");

  /** Guest ID, of a virtualized IOMMU. */
  public static final Field GUEST_ID = LAYOUT.field("GuestID");

  /** The device's id in the guest. */
  public static final Field G_DEVICE_ID = LAYOUT.field("GDeviceID");

  /** The guest sees a virtualized IOMMU in front of the device. */
  public static final Field V_IMU_EN = LAYOUT.field("vImuEn");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
