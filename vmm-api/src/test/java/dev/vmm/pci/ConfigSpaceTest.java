package dev.vmm.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.testing.FakePci;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ConfigSpaceTest {
  private final FakePci pci = new FakePci();
  private final FakePci.Function function = pci.add("00:02.0", 0x1234, 0x11e8, 0x00ff00);
  private final ConfigSpace config = pci.config(Rid.parse("00:02.0"));

  @BeforeEach
  void listIsThere() {
    function.config.putShort(0x06, (short) 0x10).put(0x34, (byte) 0x43); // low bits are reserved
  }

  private void capability(int offset, int id, int next) {
    function.config.put(offset, (byte) id).put(offset + 1, (byte) next);
  }

  @Test
  void readsAreUnsignedAndWritesAreOfTheirWidth() {
    function.config.putInt(0x40, 0x8182_8384);
    assertThat(config.read8(0x43)).isEqualTo(0x81);
    assertThat(config.read16(0x42)).isEqualTo(0x8182);
    assertThat(config.read32(0x40)).isEqualTo(0x8182_8384);
    config.write8(0x40, 0x111);
    config.write16(0x42, 0x2_2222);
    assertThat(config.read32(0x40)).isEqualTo(0x2222_8311);
    assertThat(pci.writes)
        .containsExactly("0000:00:02.0 0x40 1 0x11", "0000:00:02.0 0x42 2 0x2222");
  }

  @Test
  void capabilitiesAreFoundAlongTheList() {
    capability(0x40, PciCapability.POWER_MANAGEMENT, 0x80);
    capability(0x80, PciCapability.MSI, 0x60);
    capability(0x60, PciCapability.MSI_X, 0);
    assertThat(config.capability(PciCapability.POWER_MANAGEMENT)).contains(0x40);
    assertThat(config.capability(PciCapability.MSI)).contains(0x80);
    assertThat(config.capability(PciCapability.MSI_X)).contains(0x60);
    assertThat(config.capability(PciCapability.PCI_EXPRESS)).isEmpty();
  }

  @Test
  void withoutTheStatusBitThereIsNoList() {
    capability(0x40, PciCapability.MSI, 0);
    function.config.putShort(0x06, (short) 0);
    assertThat(config.capability(PciCapability.MSI)).isEmpty();
  }

  @Test
  void i12_aListThatLoopsEndsTheSearch() {
    capability(0x40, PciCapability.MSI, 0x50);
    capability(0x50, PciCapability.POWER_MANAGEMENT, 0x40);
    assertThat(config.capability(PciCapability.MSI_X)).isEmpty();
    assertThat(config.capability(PciCapability.POWER_MANAGEMENT)).contains(0x50);
  }

  @Test
  void i12_aListThatPointsIntoTheHeaderEnds() {
    capability(0x40, PciCapability.MSI, 0x10);
    function.config.put(0x10, (byte) PciCapability.MSI_X);
    assertThat(config.capability(PciCapability.MSI_X)).isEmpty();
  }

  @Test
  void i12_anAbsentFunctionHasNoCapabilities() {
    ConfigSpace absent = pci.config(Rid.parse("00:03.0"));
    assertThat(absent.read32(0)).isEqualTo(-1);
    assertThat(absent.capability(0xff)).isEmpty();
    assertThat(absent.extendedCapability(0xffff)).isEmpty();
  }

  @Test
  void extendedCapabilitiesAreFoundUpToTheLastDoubleword() {
    function.config.putInt(0x100, 0x0001 | 1 << 16 | 0xffc << 20);
    function.config.putInt(0xffc, PciCapability.EXT_ATS | 1 << 16);
    assertThat(config.extendedCapability(PciCapability.EXT_ATS)).contains(0xffc);
    assertThat(config.extendedCapability(PciCapability.EXT_SRIOV)).isEmpty();
  }

  @Test
  void i12_extendedListsThatLoopOrLeadBelowTheirSpaceEnd() {
    function.config.putInt(0x100, 0x0001 | 1 << 16 | 0x200 << 20);
    function.config.putInt(0x200, 0x0002 | 1 << 16 | 0x100 << 20);
    assertThat(config.extendedCapability(PciCapability.EXT_SRIOV)).isEmpty();
    function.config.putInt(0x200, 0x0002 | 1 << 16 | 0x40 << 20);
    assertThat(config.extendedCapability(PciCapability.EXT_SRIOV)).isEmpty();
  }
}
