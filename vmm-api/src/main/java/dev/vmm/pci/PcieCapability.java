package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * PCI Express Capability: the registers of an endpoint that a driver for pass-through meets.
 * Offsets are in bytes from the capability.
 *
 * <p>Source: PCI Express Base 5.0, "PCI Express Capability Structure".
 */
public final class PcieCapability {
  /** PCI Express Capabilities Register, 16 bits; its bits 3:0 are the version. */
  public static final int CAPABILITIES = 0x02;

  /** Device Capabilities Register, 32 bits. */
  public static final int DEVICE_CAPABILITIES = 0x04;

  /** Device Control Register, 16 bits. */
  public static final int DEVICE_CONTROL = 0x08;

  /** Device Status Register, 16 bits. */
  public static final int DEVICE_STATUS = 0x0a;

  /** Link Control Register, 16 bits. */
  public static final int LINK_CONTROL = 0x10;

  /** Device Control 2 Register, 16 bits; from version 2 on. */
  public static final int DEVICE_CONTROL_2 = 0x28;

  /** Link Control 2 Register, 16 bits; from version 2 on. */
  public static final int LINK_CONTROL_2 = 0x30;

  /** PCI Express Capabilities Register. */
  public static final Layout CAPABILITIES_LAYOUT =
      Layout.of16("PCI_Express_Capabilities")
          .rsvdp(15, 15)
          .bit("Undefined", 14, AccessKind.RO)
          .field("Interrupt_Message_Number", 13, 9, AccessKind.RO)
          .bit("Slot_Implemented", 8, AccessKind.RO)
          .field("Device/Port_Type", 7, 4, AccessKind.RO)
          .field("Capability_Version", 3, 0, AccessKind.RO)
          .build();

  /** What kind of function it is: {@link DevicePortType}. */
  static final Field TYPE = CAPABILITIES_LAYOUT.field("Device/Port_Type");

  /** Device Capabilities Register. */
  public static final Layout DEVICE_CAPABILITIES_LAYOUT =
      Layout.of32("Device_Capabilities")
          .rsvdp(31, 29)
          .bit("Function_Level_Reset_Capability", 28, AccessKind.RO)
          .field("Captured_Slot_Power_Limit_Scale", 27, 26, AccessKind.RO)
          .field("Captured_Slot_Power_Limit_Value", 25, 18, AccessKind.RO)
          .rsvdp(17, 17)
          .bit("ERR_COR_Subclass_Capable", 16, AccessKind.RO)
          .bit("Role-Based_Error_Reporting", 15, AccessKind.RO)
          .field("Undefined", 14, 12, AccessKind.RO)
          .field("Endpoint_L1_Acceptable_Latency", 11, 9, AccessKind.RO)
          .field("Endpoint_L0s_Acceptable_Latency", 8, 6, AccessKind.RO)
          .bit("Extended_Tag_Field_Supported", 5, AccessKind.RO)
          .field("Phantom_Functions_Supported", 4, 3, AccessKind.RO)
          .field("Max_Payload_Size_Supported", 2, 0, AccessKind.RO)
          .build();

  /** Device Control Register. */
  public static final Layout DEVICE_CONTROL_LAYOUT =
      Layout.of16("Device_Control")
          .bit("Initiate_Function_Level_Reset", 15, AccessKind.ONE_SHOT)
          .field("Max_Read_Request_Size", 14, 12, AccessKind.RW)
          .bit("Enable_No_Snoop", 11, AccessKind.RW)
          .bit("Aux_Power_PM_Enable", 10, AccessKind.RW)
          .bit("Phantom_Functions_Enable", 9, AccessKind.RW)
          .bit("Extended_Tag_Field_Enable", 8, AccessKind.RW)
          .field("Max_Payload_Size", 7, 5, AccessKind.RW)
          .bit("Enable_Relaxed_Ordering", 4, AccessKind.RW)
          .bit("Unsupported_Request_Reporting_Enable", 3, AccessKind.RW)
          .bit("Fatal_Error_Reporting_Enable", 2, AccessKind.RW)
          .bit("Non-Fatal_Error_Reporting_Enable", 1, AccessKind.RW)
          .bit("Correctable_Error_Reporting_Enable", 0, AccessKind.RW)
          .build();

  /** Device Status Register. */
  public static final Layout DEVICE_STATUS_LAYOUT =
      Layout.of16("Device_Status")
          .rsvdz(15, 7)
          .bit("Emergency_Power_Reduction_Detected", 6, AccessKind.RW1C)
          .bit("Transactions_Pending", 5, AccessKind.RO)
          .bit("AUX_Power_Detected", 4, AccessKind.RO)
          .bit("Unsupported_Request_Detected", 3, AccessKind.RW1C)
          .bit("Fatal_Error_Detected", 2, AccessKind.RW1C)
          .bit("Non-Fatal_Error_Detected", 1, AccessKind.RW1C)
          .bit("Correctable_Error_Detected", 0, AccessKind.RW1C)
          .build();

  private PcieCapability() {}
}
