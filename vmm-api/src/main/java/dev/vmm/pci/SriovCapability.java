package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;

/**
 * SR-IOV Extended Capability of a physical function. Offsets are in bytes from the capability.
 *
 * <p>Source: PCI Express Base 5.0, "SR-IOV Extended Capability".
 */
public final class SriovCapability {
  /** SR-IOV Control Register, 16 bits. */
  public static final int CONTROL = 0x08;

  /** NumVFs, 16 bits. */
  public static final int NUM_VFS = 0x10;

  /** First VF Offset, 16 bits: the requester id of the first VF less the PF's. */
  public static final int FIRST_VF_OFFSET = 0x14;

  /** VF Stride, 16 bits: the distance of requester ids between VFs. */
  public static final int VF_STRIDE = 0x16;

  /**
   * VF BAR0, the first of six registers of 32 bits; each VF has its share behind the last one's.
   */
  public static final int VF_BAR0 = 0x24;

  /** The VFs exist. */
  public static final int VF_ENABLE = 1 << 0;

  /** The VFs answer in memory space. */
  public static final int VF_MSE = 1 << 3;

  /** SR-IOV Control Register. */
  public static final Layout CONTROL_LAYOUT =
      Layout.of16("SR-IOV_Control")
          .rsvdp(15, 6)
          .bit("VF_10-Bit_Tag_Requester_Enable", 5, AccessKind.RW)
          .bit("ARI_Capable_Hierarchy", 4, AccessKind.RW)
          .bit("VF_MSE", 3, AccessKind.RW)
          .bit("VF_Migration_Interrupt_Enable", 2, AccessKind.RW)
          .bit("VF_Migration_Enable", 1, AccessKind.RW)
          .bit("VF_Enable", 0, AccessKind.RW)
          .build();

  private SriovCapability() {}
}
