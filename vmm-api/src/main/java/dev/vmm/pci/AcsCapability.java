package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;

/**
 * ACS Extended Capability: whether a port, or a function of a multi-function device, sends
 * peer-to-peer requests up to where they are translated. Offsets are in bytes from the capability.
 *
 * <p>Source: PCI Express Base 5.0, "ACS Extended Capability", "Access Control Services (ACS)".
 */
public final class AcsCapability {
  /** ACS Capability Register, 16 bits. */
  public static final int CAPABILITY = 0x04;

  /** ACS Control Register, 16 bits. */
  public static final int CONTROL = 0x06;

  /** Egress Control Vector, from here on. */
  public static final int EGRESS_CONTROL_VECTOR = 0x08;

  /** ACS Capability Register: what is implemented. */
  public static final Layout CAPABILITY_LAYOUT =
      Layout.of16("ACS_Capability")
          .field("Egress_Control_Vector_Size", 15, 8, AccessKind.RO)
          .bit("ACS_Enhanced_Capability", 7, AccessKind.RO)
          .bit("ACS_Direct_Translated_P2P", 6, AccessKind.RO)
          .bit("ACS_P2P_Egress_Control", 5, AccessKind.RO)
          .bit("ACS_Upstream_Forwarding", 4, AccessKind.RO)
          .bit("ACS_P2P_Completion_Redirect", 3, AccessKind.RO)
          .bit("ACS_P2P_Request_Redirect", 2, AccessKind.RO)
          .bit("ACS_Translation_Blocking", 1, AccessKind.RO)
          .bit("ACS_Source_Validation", 0, AccessKind.RO)
          .build();

  /** ACS Control Register: what is on. */
  public static final Layout CONTROL_LAYOUT =
      Layout.of16("ACS_Control")
          .rsvdp(15, 13)
          .bit("ACS_Unclaimed_Request_Redirect_Control", 12, AccessKind.RW)
          .field("ACS_USP_Memory_Target_Access_Control", 11, 10, AccessKind.RW)
          .field("ACS_DSP_Memory_Target_Access_Control", 9, 8, AccessKind.RW)
          .bit("ACS_I/O_Request_Blocking_Enable", 7, AccessKind.RW)
          .bit("ACS_Direct_Translated_P2P_Enable", 6, AccessKind.RW)
          .bit("ACS_P2P_Egress_Control_Enable", 5, AccessKind.RW)
          .bit("ACS_Upstream_Forwarding_Enable", 4, AccessKind.RW)
          .bit("ACS_P2P_Completion_Redirect_Enable", 3, AccessKind.RW)
          .bit("ACS_P2P_Request_Redirect_Enable", 2, AccessKind.RW)
          .bit("ACS_Translation_Blocking_Enable", 1, AccessKind.RW)
          .bit("ACS_Source_Validation_Enable", 0, AccessKind.RW)
          .build();

  private AcsCapability() {}
}
