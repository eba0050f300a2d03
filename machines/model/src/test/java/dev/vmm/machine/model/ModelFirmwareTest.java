package dev.vmm.machine.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiRoot;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.model.acpi.AcpiTweaks;
import dev.vmm.machine.model.acpi.IvhdBuilder;
import dev.vmm.pci.Rid;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** What the firmware of a machine tells: its tables, and its memory map. */
final class ModelFirmwareTest {
  private static String hex(byte[] bytes, int from, int to) {
    return HexFormat.of().formatHex(bytes, from, to);
  }

  private static byte[] table(ModelMachine machine, String signature) {
    return machine.acpi().find(signature).orElseThrow().toBytes();
  }

  @Test
  void firmwareTellsOfTheDefaultUnit() {
    try (ModelMachine machine = ModelMachineBuilder.intel().build()) {
      byte[] dmar = table(machine, "DMAR");
      assertThat(hex(dmar, 48, dmar.length)).isEqualTo("00001000010000000000d9fe00000000");
      assertThat(AcpiRoot.find(machine.memory()).orElseThrow().problems()).isEmpty();
    }
  }

  @Test
  void severalUnitsHaveTheirScopes() {
    try (ModelMachine machine = ModelMachineBuilder.intel().units(2).segments(2).build()) {
      byte[] dmar = table(machine, "DMAR");
      assertThat(hex(dmar, 48, dmar.length))
          .isEqualTo(
              "00001800000000000000d9fe00000000"
                  + "0108000000000200"
                  + "00001000010000000010d9fe00000000"
                  + "00001000010001000020d9fe00000000");
    }
  }

  @Test
  void ivhdGivesEachUnitItsRequesterIds() {
    try (ModelMachine machine =
        ModelMachineBuilder.amd().units(2).ivhd(IvhdBuilder.TYPE_10H).build()) {
      byte[] ivrs = table(machine, "IVRS");
      assertThat(hex(ivrs, 48 + 24, 48 + 24 + 4)).isEqualTo("02100000");
      int second = 48 + 28;
      assertThat(hex(ivrs, second + 4, second + 6)).as("its function").isEqualTo("0900");
      assertThat(hex(ivrs, second + 24, ivrs.length))
          .isEqualTo("03000000" + "040f0000" + "03110000" + "04ffff00" + "480000d7" + "00a00001");
    }
  }

  @Test
  void aliasesAreToldByTheUnitThatHasTheBridgeInScope() {
    try (ModelMachine machine =
        ModelMachineBuilder.amd().units(4).ivhd(IvhdBuilder.TYPE_10H).aliases(true).build()) {
      String ivrs = hex(table(machine, "IVRS"), 48, table(machine, "IVRS").length);
      // Behind 00:04.0, in the third unit: 03:00.0 to 03:1f.7 carry 03:00.0.
      assertThat(ivrs).containsOnlyOnce("43000300" + "00000300" + "04ff0300");
      // In the last unit, which has the rest: 00:06.0 carries 00:06.1.
      assertThat(ivrs).containsOnlyOnce("42300000" + "00310000");
    }
    try (ModelMachine machine = ModelMachineBuilder.amd().build()) {
      String ivrs = hex(table(machine, "IVRS"), 48, table(machine, "IVRS").length);
      assertThat(ivrs).doesNotContain("43000300");
    }
  }

  @Test
  void theMemoryMapGivesTheSystemWhatFirmwareDoesNotKeep() {
    AddressRange region = new AddressRange(0x100_0000L, 0x1000);
    AddressRange lie = new AddressRange(0x200_0000L, 0x1000);
    Rid rid = Rid.parse("00:02.0");
    try (ModelMachine machine =
        ModelMachineBuilder.intel().reserved(region, rid).reservedNowhere(lie, rid).build()) {
      MemoryMap map = machine.memoryMap().orElseThrow();
      assertThat(map.ranges(MemoryMap.Type.RESERVED)).contains(region);
      assertThat(map.ranges(MemoryMap.Type.RAM))
          .noneMatch(region::overlaps)
          .anyMatch(range -> range.contains(lie));
      for (AcpiTable table : machine.acpi().tables()) {
        long hpa = Long.decode(table.origin().substring(table.origin().lastIndexOf("0x")));
        assertThat(map.ranges(MemoryMap.Type.ACPI_DATA)).allMatch(range -> range.contains(hpa));
      }
    }
  }

  @Test
  void reservedMemoryIsToldWithTheWayToItsFunction() {
    AddressRange region = new AddressRange(0x7b80_0000L, 0x80_0000);
    Rid conventional = Rid.parse("03:01.0");
    try (ModelMachine machine =
        ModelMachineBuilder.intel().reserved(region, conventional).build()) {
      byte[] dmar = table(machine, "DMAR");
      assertThat(hex(dmar, 64, dmar.length))
          .isEqualTo(
              "01002400000000000000807b00000000ffffff7b00000000" + "010c000000000400" + "00000100");
      assertThat(machine.memory().ram()).contains(region);
      machine.memory().write64(region.start(), 1);
    }
    try (ModelMachine machine =
        ModelMachineBuilder.intel().reservedNowhere(region, conventional).build()) {
      assertThat(machine.memory().ram()).hasSize(1);
      assertThat(table(machine, "DMAR")).hasSize(64 + 0x24);
      assertThat(machine.memoryMap().orElseThrow().entries())
          .noneMatch(entry -> entry.range().overlaps(region));
    }
    try (ModelMachine machine =
        ModelMachineBuilder.amd().ivhd(IvhdBuilder.TYPE_10H).reserved(region).build()) {
      byte[] ivrs = table(machine, "IVRS");
      assertThat(hex(ivrs, ivrs.length - 32, ivrs.length))
          .isEqualTo(
              "2007200000000000" + "0000000000000000" + "0000807b00000000" + "0000800000000000");
    }
    try (ModelMachine machine =
        ModelMachineBuilder.amd()
            .segments(2)
            .ivhd(IvhdBuilder.TYPE_10H)
            .reserved(region, Rid.parse("0001:00:02.0"))
            .build()) {
      byte[] ivrs = table(machine, "IVRS");
      assertThat(hex(ivrs, ivrs.length - 32, ivrs.length))
          .as("its segment behind the auxiliary data")
          .isEqualTo(
              "2107200010000000" + "0100000000000000" + "0000807b00000000" + "0000800000000000");
    }
  }

  @Test
  void theFirmwareCanBeSpoiltAndExtended() {
    try (ModelMachine machine =
        ModelMachineBuilder.intel()
            .dmar(dmar -> dmar.rhsa(0xfed90000L, 7))
            .acpi(acpi -> acpi.wrongChecksum("DMAR").omit("APIC"))
            .build()) {
      AcpiTable dmar = machine.acpi().find("DMAR").orElseThrow();
      assertThat(dmar.checksumValid()).isFalse();
      assertThat(dmar.reader().u16(64)).isEqualTo(3);
      assertThat(machine.acpi().find("APIC")).isEmpty();
    }
    try (ModelMachine machine =
        ModelMachineBuilder.amd()
            .ivrs(ivrs -> ivrs.raw(new byte[] {0x33, 0, 4, 0}))
            .acpi(AcpiTweaks::withoutXsdt)
            .build()) {
      byte[] ivrs = table(machine, "IVRS");
      assertThat(ivrs[ivrs.length - 4]).isEqualTo((byte) 0x33);
    }
    try (ModelMachine machine =
        ModelMachineBuilder.intel().acpi(AcpiTweaks::withoutRootPointer).build()) {
      assertThat(machine.acpi().tables()).isEmpty();
    }
  }
}
