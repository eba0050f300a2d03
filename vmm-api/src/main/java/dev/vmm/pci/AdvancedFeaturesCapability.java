package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;

/**
 * Advanced Features Capability: function level reset for conventional functions. Offsets are in
 * bytes from the capability.
 *
 * <p>Source: PCI-SIG ECN "Advanced Capabilities for Conventional PCI"; PCI Express Base 5.0,
 * "Conventional PCI Advanced Features (AF)".
 */
public final class AdvancedFeaturesCapability {
  /** AF Capabilities Register, 8 bits. */
  public static final int CAPABILITIES = 0x03;

  /** AF Control Register, 8 bits. */
  public static final int CONTROL = 0x04;

  /** AF Status Register, 8 bits. */
  public static final int STATUS = 0x05;

  /** AF Capabilities Register. */
  public static final Layout CAPABILITIES_LAYOUT =
      Layout.of8("AF_CAP")
          .rsvdp(7, 2)
          .bit("FLR_CAP", 1, AccessKind.RO)
          .bit("TP_CAP", 0, AccessKind.RO)
          .build();

  /** AF Control Register. */
  public static final Layout CONTROL_LAYOUT =
      Layout.of8("AF_CTRL").rsvdp(7, 1).bit("INITIATE_FLR", 0, AccessKind.ONE_SHOT).build();

  /** AF Status Register. */
  public static final Layout STATUS_LAYOUT =
      Layout.of8("AF_STATUS").rsvdz(7, 1).bit("TP", 0, AccessKind.RO).build();

  private AdvancedFeaturesCapability() {}
}
