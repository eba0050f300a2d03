package dev.vmm.machine.model.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.Rid;
import dev.vmm.testing.Iasl;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disassembler that others wrote reads what was meant. */
final class TablesAgainstIaslTest {
  @TempDir Path folder;

  private static Rid rid(String text) {
    return Rid.parse(text);
  }

  @Test
  void unitsWithTheirScopes() throws Exception {
    byte[] table =
        new DmarBuilder(48, DmarBuilder.INTR_REMAP | DmarBuilder.DMA_CTRL_PLATFORM_OPT_IN_FLAG)
            .drhd(
                1,
                0xfed90000L,
                List.of(
                    DeviceScope.endpoint(rid("00:02.0")), DeviceScope.subHierarchy(0, 0x18, 0x08)))
            .drhdIncludeAll(
                0,
                0xfed91000L,
                List.of(
                    DeviceScope.ioApic(2, rid("f0:1f.7")),
                    DeviceScope.hpet(3, rid("f0:0f.0")),
                    DeviceScope.acpiDevice(1, rid("00:15.1"))))
            .build();

    assertThat(Iasl.disassemble(folder, table).lines())
        .containsSubsequence(
            "Host Address Width : 2F",
            "Flags : 05",
            "Subtable Type : 0000 [Hardware Unit Definition]",
            "Length : 0022",
            "Flags : 00",
            "PCI Segment Number : 0001",
            "Register Base Address : 00000000FED90000",
            "Device Scope Type : 01 [PCI Endpoint Device]",
            "PCI Bus Number : 00",
            "PCI Path : 02,00",
            "Device Scope Type : 02 [PCI Bridge Device]",
            "PCI Path : 03,00",
            "PCI Path : 01,00",
            "Subtable Type : 0000 [Hardware Unit Definition]",
            "Flags : 01",
            "PCI Segment Number : 0000",
            "Register Base Address : 00000000FED91000",
            "Device Scope Type : 03 [IOAPIC Device]",
            "Enumeration ID : 02",
            "PCI Bus Number : F0",
            "PCI Path : 1F,07",
            "Device Scope Type : 04 [Message-capable HPET Device]",
            "Enumeration ID : 03",
            "Device Scope Type : 05 [Namespace Device]",
            "Enumeration ID : 01")
        .noneMatch(line -> line.contains("****"));
  }

  @Test
  void theOtherStructuresOfDmar() throws Exception {
    byte[] table =
        new DmarBuilder(39, 0)
            .rmrr(0, 0x7b80_0000L, 0x7bff_ffffL, List.of(DeviceScope.endpoint(rid("00:14.0"))))
            .atsr(true, 2, List.of())
            .rhsa(0xfed90000L, 3)
            .andd(1, "\\_SB.PCI0.I2C0")
            .build();

    assertThat(Iasl.disassemble(folder, table).lines())
        .containsSubsequence(
            "Host Address Width : 26",
            "Subtable Type : 0001 [Reserved Memory Region]",
            "Base Address : 000000007B800000",
            "End Address (limit) : 000000007BFFFFFF",
            "PCI Path : 14,00",
            "Subtable Type : 0002 [Root Port ATS Capability]",
            "Flags : 01",
            "PCI Segment Number : 0002",
            "Subtable Type : 0003 [Remapping Hardware Static Affinity]",
            "Base Address : 00000000FED90000",
            "Proximity Domain : 00000003",
            "Subtable Type : 0004 [ACPI Namespace Device Declaration]",
            "Device Number : 01",
            "Device Name : \"\\_SB.PCI0.I2C0\"")
        .noneMatch(line -> line.contains("****"));
  }

  @Test
  void everyDeviceEntryOfAnAmdUnit() throws Exception {
    IvhdBuilder unit =
        new IvhdBuilder(IvhdBuilder.TYPE_10H, rid("00:01.0"), 0x40, 0xfed80000L)
            .flags(0x21)
            .info(0x1301)
            .features(0x80000002L)
            .pad()
            .all(0)
            .select(0x10, 0xd7)
            .range(0x100, 0x1ff, 0)
            .aliasSelect(0x308, 0, 0x300)
            .aliasRange(0x400, 0x4ff, 0, 0x300)
            .extendedSelect(0x20, 0, 0x80000000L)
            .extendedRange(0x500, 0x5ff, 0, 1)
            .special(0xd7, 2, 0xa0, IvhdBuilder.IOAPIC);

    assertThat(Iasl.disassemble(folder, new IvrsBuilder(0x00203041).ivhd(unit).build()).lines())
        .containsSubsequence(
            "Virtualization Info : 00203041",
            "Subtable Type : 10 [Hardware Definition Block]",
            "Flags : 21",
            "Length : 005C",
            "DeviceId : 0008",
            "Capability Offset : 0040",
            "Base Address : 00000000FED80000",
            "Virtualization Info : 1301",
            "Feature Reporting : 80000002",
            "Entry Type : 00",
            "Entry Type : 01",
            "Entry Type : 02",
            "Device ID : 0010",
            "Data Setting : D7",
            "Entry Type : 03",
            "Device ID : 0100",
            "Entry Type : 04",
            "Device ID : 01FF",
            "Entry Type : 42",
            "Device ID : 0308",
            "Source Used Device ID : 0300",
            "Entry Type : 43",
            "Device ID : 0400",
            "Source Used Device ID : 0300",
            "Entry Type : 04",
            "Device ID : 04FF",
            "Entry Type : 46",
            "Extended Data : 80000000",
            "Entry Type : 47",
            "Device ID : 0500",
            "Extended Data : 00000001",
            "Entry Type : 04",
            "Device ID : 05FF",
            "Entry Type : 48",
            "Handle : 02",
            "Source Used Device ID : 00A0",
            "Variety : 01")
        .noneMatch(line -> line.contains("****"));
  }

  @Test
  void amdUnitsWithFeaturesAndMemoryBlocks() throws Exception {
    byte[] table =
        new IvrsBuilder(1)
            .ivhd(
                new IvhdBuilder(IvhdBuilder.TYPE_11H, rid("0002:00:01.0"), 0x40, 0xfed80000L)
                    .extendedFeatures(0x29d3)
                    .select(0x10, 0))
            .ivmdAll(IvrsBuilder.UNITY, 0x700_0000, 0x1000)
            .ivmd(
                IvrsBuilder.UNITY | IvrsBuilder.READ | IvrsBuilder.WRITE, 0x10, 0x700_1000, 0x3000)
            .segment(2)
            .ivmdRange(IvrsBuilder.EXCLUSION, 0x10, 0x18, 0x700_2000, 0x2000)
            .build();

    assertThat(Iasl.disassemble(folder, table).lines())
        .containsSubsequence(
            "Subtable Type : 11 [Hardware Definition Block]",
            "Length : 002C",
            "PCI Segment Group : 0002",
            "EFR Image : 00000000000029D3",
            "Entry Type : 02",
            "Subtable Type : 20 [Memory Definition Block]",
            "Flags : 01",
            "Start Address : 0000000007000000",
            "Subtable Type : 21 [Memory Definition Block]",
            "Flags : 07",
            "DeviceId : 0010",
            "Memory Length : 0000000000003000",
            "Subtable Type : 22 [Memory Definition Block]",
            "Flags : 08",
            "DeviceId : 0010",
            "Auxiliary Data : 0018")
        .noneMatch(line -> line.contains("****"));
  }

  @Test
  void configSpaceAndInterruptControllers() throws Exception {
    byte[] mcfg =
        new McfgBuilder()
            .allocation(0xb000_0000L, 0, 0, 255)
            .allocation(1L << 38, 1, 3, 15)
            .build();
    assertThat(Iasl.disassemble(folder, mcfg).lines())
        .containsSubsequence(
            "Base Address : 00000000B0000000",
            "Segment Group Number : 0000",
            "Start Bus Number : 00",
            "End Bus Number : FF",
            "Base Address : 0000004000000000",
            "Segment Group Number : 0001",
            "Start Bus Number : 03",
            "End Bus Number : 0F");

    byte[] madt = new MadtBuilder().processor(1, 4).ioApic(2, 0xfec00000L, 24).build();
    assertThat(Iasl.disassemble(folder, madt).lines())
        .containsSubsequence(
            "Local Apic Address : FEE00000",
            "Processor ID : 01",
            "Local Apic ID : 04",
            "I/O Apic ID : 02",
            "Address : FEC00000",
            "Interrupt : 00000018");
  }
}
