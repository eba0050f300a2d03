package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;

/**
 * PCI Power Management Capability. Offsets are in bytes from the capability.
 *
 * <p>Source: PCI Express Base 5.0, "PCI Power Management Capability Structure".
 */
public final class PowerManagementCapability {
  /** Power Management Capabilities Register, 16 bits. */
  public static final int PMC = 0x02;

  /** Power Management Control/Status Register, 16 bits. */
  public static final int PMCSR = 0x04;

  /** PowerState of a working function. */
  public static final int D0 = 0;

  /** PowerState of a function that is off but for its config space. */
  public static final int D3_HOT = 3;

  /** Power Management Capabilities Register. */
  public static final Layout PMC_LAYOUT =
      Layout.of16("PMC")
          .field("PME_Support", 15, 11, AccessKind.RO)
          .bit("D2_Support", 10, AccessKind.RO)
          .bit("D1_Support", 9, AccessKind.RO)
          .field("Aux_Current", 8, 6, AccessKind.RO)
          .bit("Device_Specific_Initialization", 5, AccessKind.RO)
          .bit("Immediate_Readiness_on_Return_to_D0", 4, AccessKind.RO)
          .bit("PME_Clock", 3, AccessKind.RO)
          .field("Version", 2, 0, AccessKind.RO)
          .build();

  /** Power Management Control/Status Register, its low 16 bits. */
  public static final Layout PMCSR_LAYOUT =
      Layout.of16("PMCSR")
          .bit("PME_Status", 15, AccessKind.RW1C)
          .field("Data_Scale", 14, 13, AccessKind.RO)
          .field("Data_Select", 12, 9, AccessKind.RW)
          .bit("PME_En", 8, AccessKind.RW)
          .rsvdp(7, 4)
          .bit("No_Soft_Reset", 3, AccessKind.RO)
          .rsvdp(2, 2)
          .field("PowerState", 1, 0, AccessKind.RW)
          .build();

  private PowerManagementCapability() {}
}
