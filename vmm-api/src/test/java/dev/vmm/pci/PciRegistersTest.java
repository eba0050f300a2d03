package dev.vmm.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;
import dev.vmm.testing.FakePci;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Fields against literal words of the book, and the parsing of MSI and MSI-X capabilities. */
class PciRegistersTest {
  static Stream<Arguments> fields() {
    Layout command = PciCommand.LAYOUT;
    Layout devcap = PcieCapability.DEVICE_CAPABILITIES_LAYOUT;
    Layout devctl = PcieCapability.DEVICE_CONTROL_LAYOUT;
    Layout devsta = PcieCapability.DEVICE_STATUS_LAYOUT;
    Layout acs = AcsCapability.CAPABILITY_LAYOUT;
    Layout acsctl = AcsCapability.CONTROL_LAYOUT;
    Layout pmc = PowerManagementCapability.PMC_LAYOUT;
    Layout pmcsr = PowerManagementCapability.PMCSR_LAYOUT;
    Layout msi = MsiCapability.CONTROL_LAYOUT;
    Layout msix = MsixCapability.CONTROL_LAYOUT;
    return Stream.of(
        Arguments.of(command, "I/O_Space_Enable", 0x0001L),
        Arguments.of(command, "Memory_Space_Enable", 0x0002L),
        Arguments.of(command, "Bus_Master_Enable", 0x0004L),
        Arguments.of(command, "Interrupt_Disable", 0x0400L),
        Arguments.of(devcap, "Function_Level_Reset_Capability", 0x1000_0000L),
        Arguments.of(devcap, "Phantom_Functions_Supported", 0x18L),
        Arguments.of(devctl, "Initiate_Function_Level_Reset", 0x8000L),
        Arguments.of(devctl, "Max_Read_Request_Size", 0x7000L),
        Arguments.of(devctl, "Max_Payload_Size", 0x00e0L),
        Arguments.of(devctl, "Phantom_Functions_Enable", 0x0200L),
        Arguments.of(PcieCapability.CAPABILITIES_LAYOUT, "Device/Port_Type", 0x00f0L),
        Arguments.of(PcieCapability.CAPABILITIES_LAYOUT, "Slot_Implemented", 0x0100L),
        Arguments.of(acs, "ACS_Source_Validation", 0x0001L),
        Arguments.of(acs, "ACS_P2P_Request_Redirect", 0x0004L),
        Arguments.of(acs, "ACS_P2P_Completion_Redirect", 0x0008L),
        Arguments.of(acs, "ACS_Upstream_Forwarding", 0x0010L),
        Arguments.of(acs, "Egress_Control_Vector_Size", 0xff00L),
        Arguments.of(acsctl, "ACS_Source_Validation_Enable", 0x0001L),
        Arguments.of(acsctl, "ACS_Translation_Blocking_Enable", 0x0002L),
        Arguments.of(acsctl, "ACS_P2P_Request_Redirect_Enable", 0x0004L),
        Arguments.of(acsctl, "ACS_P2P_Completion_Redirect_Enable", 0x0008L),
        Arguments.of(acsctl, "ACS_Upstream_Forwarding_Enable", 0x0010L),
        Arguments.of(acsctl, "ACS_Direct_Translated_P2P_Enable", 0x0040L),
        Arguments.of(devsta, "Transactions_Pending", 0x0020L),
        Arguments.of(pmc, "Version", 0x0007L),
        Arguments.of(pmcsr, "No_Soft_Reset", 0x0008L),
        Arguments.of(pmcsr, "PowerState", 0x0003L),
        Arguments.of(pmcsr, "PME_Status", 0x8000L),
        Arguments.of(AdvancedFeaturesCapability.CAPABILITIES_LAYOUT, "FLR_CAP", 0x02L),
        Arguments.of(AdvancedFeaturesCapability.CAPABILITIES_LAYOUT, "TP_CAP", 0x01L),
        Arguments.of(AdvancedFeaturesCapability.CONTROL_LAYOUT, "INITIATE_FLR", 0x01L),
        Arguments.of(AdvancedFeaturesCapability.STATUS_LAYOUT, "TP", 0x01L),
        Arguments.of(SriovCapability.CONTROL_LAYOUT, "VF_Enable", 0x0001L),
        Arguments.of(SriovCapability.CONTROL_LAYOUT, "VF_MSE", 0x0008L),
        Arguments.of(msi, "MSI_Enable", 0x0001L),
        Arguments.of(msi, "Multiple_Message_Capable", 0x000eL),
        Arguments.of(msi, "Multiple_Message_Enable", 0x0070L),
        Arguments.of(msi, "64_bit_Address_Capable", 0x0080L),
        Arguments.of(msi, "Per-Vector_Masking_Capable", 0x0100L),
        Arguments.of(msix, "MSI-X_Enable", 0x8000L),
        Arguments.of(msix, "Function_Mask", 0x4000L),
        Arguments.of(msix, "Table_Size", 0x07ffL),
        Arguments.of(MsixCapability.TABLE_LAYOUT, "Table_BIR", 0x7L),
        Arguments.of(MsixCapability.PENDING_LAYOUT, "PBA_Offset", 0xffff_fff8L),
        Arguments.of(MsixCapability.ENTRY_CONTROL_LAYOUT, "Mask_Bit", 0x1L));
  }

  @ParameterizedTest
  @MethodSource("fields")
  void everyFieldIsWhereTheBookHasIt(Layout layout, String field, long mask) {
    assertThat(layout.field(field).mask()).isEqualTo(mask);
  }

  @Test
  void theConstantsAreTheFieldsOfTheLayouts() {
    assertThat((long) PciCommand.ACTIVE).isEqualTo(0x0007);
    assertThat((long) PciCommand.INTERRUPT_DISABLE)
        .isEqualTo(PciCommand.LAYOUT.field("Interrupt_Disable").mask());
    assertThat((long) SriovCapability.VF_ENABLE)
        .isEqualTo(SriovCapability.CONTROL_LAYOUT.field("VF_Enable").mask());
    assertThat((long) SriovCapability.VF_MSE)
        .isEqualTo(SriovCapability.CONTROL_LAYOUT.field("VF_MSE").mask());
    assertThat((long) MsixCapability.ENABLE)
        .isEqualTo(MsixCapability.CONTROL_LAYOUT.field("MSI-X_Enable").mask());
    assertThat((long) MsixCapability.FUNCTION_MASK)
        .isEqualTo(MsixCapability.CONTROL_LAYOUT.field("Function_Mask").mask());
  }

  @Test
  void resetsAreOneShotAndStatusesAreWrittenOneToClear() {
    assertThat(PcieCapability.DEVICE_CONTROL_LAYOUT.maskOf(AccessKind.ONE_SHOT)).isEqualTo(0x8000);
    assertThat(PcieCapability.DEVICE_STATUS_LAYOUT.maskOf(AccessKind.RW1C)).isEqualTo(0x004f);
    assertThat(PowerManagementCapability.PMCSR_LAYOUT.maskOf(AccessKind.RW1C)).isEqualTo(0x8000);
  }

  private static ConfigSpace config(FakePci pci, int id, int... words) {
    FakePci.Function function = pci.add("0000:00:02.0", 1, 2, 0x020000);
    function.config.putShort(6, (short) 0x10).put(0x34, (byte) 0x60);
    function.config.put(0x60, (byte) id);
    for (int i = 0; i < words.length; i++) {
      function.config.putShort(0x62 + 2 * i, (short) words[i]);
    }
    return pci.config(Rid.parse("0000:00:02.0"));
  }

  @Test
  void msiOf64BitsWithMasks() {
    MsiCapability msi = MsiCapability.of(config(new FakePci(), 0x05, 0x018a)).orElseThrow();
    assertThat(msi).isEqualTo(new MsiCapability(0x60, 32, true, true));
    assertThat(msi.controlOffset()).isEqualTo(0x62);
    assertThat(msi.addressOffset()).isEqualTo(0x64);
    assertThat(msi.upperAddressOffset()).contains(0x68);
    assertThat(msi.dataOffset()).isEqualTo(0x6c);
    assertThat(msi.maskOffset()).contains(0x70);
  }

  @Test
  void msiOf32Bits() {
    MsiCapability msi = MsiCapability.of(config(new FakePci(), 0x05, 0x0002)).orElseThrow();
    assertThat(msi).isEqualTo(new MsiCapability(0x60, 2, false, false));
    assertThat(msi.upperAddressOffset()).isEmpty();
    assertThat(msi.dataOffset()).isEqualTo(0x68);
    assertThat(msi.maskOffset()).isEmpty();
    MsiCapability masked = new MsiCapability(0x60, 1, false, true);
    assertThat(masked.maskOffset()).contains(0x6c);
  }

  @Test
  void reservedNumbersOfMessagesCountAs32() {
    for (int order : List.of(5, 6, 7)) {
      assertThat(MsiCapability.of(config(new FakePci(), 0x05, order << 1)).orElseThrow().vectors())
          .isEqualTo(32);
    }
  }

  @Test
  void msixWithTableAndPendingBitsInDifferentBars() {
    MsixCapability msix =
        MsixCapability.of(config(new FakePci(), 0x11, 0xc040, 0x2003, 0x0000, 0x0804, 0x8000))
            .orElseThrow();
    assertThat(msix).isEqualTo(new MsixCapability(0x60, 65, 3, 0x2000, 4, 0x8000_0800L));
    assertThat(msix.controlOffset()).isEqualTo(0x62);
    assertThat(msix.tableBytes()).isEqualTo(65 * 16);
    assertThat(msix.pendingBytes()).isEqualTo(16);
  }

  @Test
  void theLargestMsixTable() {
    MsixCapability msix = MsixCapability.of(config(new FakePci(), 0x11, 0x07ff)).orElseThrow();
    assertThat(msix.vectors()).isEqualTo(2048);
    assertThat(msix.tableBytes()).isEqualTo(0x8000);
    assertThat(msix.pendingBytes()).isEqualTo(0x100);
  }

  @Test
  void functionsWithoutThem() {
    ConfigSpace plain = config(new FakePci(), 0x01);
    assertThat(MsiCapability.of(plain)).isEmpty();
    assertThat(MsixCapability.of(plain)).isEmpty();
  }
}
