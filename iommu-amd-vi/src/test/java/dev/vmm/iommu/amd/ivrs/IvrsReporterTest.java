package dev.vmm.iommu.amd.ivrs;

import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.acpi;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.alias;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.all;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.extended;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.range;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.select;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.special;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class IvrsReporterTest {
  private static final long A = 0xfd20_0000L;

  @Test
  void headerFieldsHaveOffsetValueAndMeaning() {
    TableReport report = IvrsReporter.report(new IvrsBuilder().ivInfo(0x8020_3043).build());

    assertThat(report.signature()).isEqualTo("IVRS");
    assertThat(report.checksumValid()).isTrue();
    assertThat(report.problems()).isEmpty();
    assertThat(report.header())
        .extracting(FieldReport::name)
        .endsWith("Creator Revision", "IVinfo", "Reserved");
    assertThat(report.header())
        .contains(
            new FieldReport("Signature", "49 56 52 53", "\"IVRS\"", 0),
            new FieldReport(
                "IVinfo",
                "0x80203043",
                "RSVD[31:23]=0x100 VASize=0x40 PASize=0x30 GVASize=0x2 DmaRemapSup EFRSup: physical 48 bits,"
                    + " virtual 64 bits",
                36),
            new FieldReport("Reserved", "00 00 00 00 00 00 00 00", "", 40));
  }

  @Test
  void unitOfType10hHasItsFieldsByName() {
    StructureReport ivhd =
        only(new IvrsBuilder().ivhd(0x10, 0xb1, 0x2002, 0x40, A, 1, 0x503, 0x8004_8f6e, 0, 0));

    assertThat(ivhd.kind()).isEqualTo("IVHD 10h");
    assertThat(ivhd.offset()).isEqualTo(0x30);
    assertThat(ivhd.lengthBytes()).isEqualTo(24);
    assertThat(ivhd.fields())
        .containsExactly(
            new FieldReport("Type", "0x10", "IVHD 10h", 0x30),
            new FieldReport("Flags", "0xb1", "PPRSup Coherent IotlbSup HtTunEn", 0x31),
            new FieldReport("Length", "0x18", "24 bytes", 0x32),
            new FieldReport("DeviceID", "0x2002", "20:00.2", 0x34),
            new FieldReport("Capability Offset", "0x40", "", 0x36),
            new FieldReport("IOMMU Base Address", "0xfd200000", "", 0x38),
            new FieldReport("PCI Segment Group", "0x1", "", 0x40),
            new FieldReport("IOMMU Info", "0x503", "UnitID=0x5 MSInum=0x3", 0x42),
            new FieldReport(
                "IOMMU Feature Reporting",
                "0x80048f6e",
                "HATS=0x2 PNBanks=0x2 PNCounters=0x4 PASmax=0xf GASup IASup GLXSup=0x1 GTSup NXSup",
                0x44));
  }

  @Test
  void laterTypesHaveImagesOfTheFeatureRegisters() {
    for (int type : new int[] {0x11, 0x40}) {
      StructureReport ivhd =
          only(new IvrsBuilder().ivhd(type, 0x50, 2, 0x40, A, 0, 0, 0x0104_8000, 0x11L, -1L));

      assertThat(field(ivhd, "Flags").meaning()).isEqualTo("RSVD[7:6]=0x1 IotlbSup");
      assertThat(field(ivhd, "IOMMU Attributes").meaning())
          .isEqualTo("MsiNumPPR=0x2 PNBanks=0x2 PNCounters=0x4");
      assertThat(ivhd.fields())
          .endsWith(
              new FieldReport("EFR Register Image", "0x11", "", 0x48),
              new FieldReport("EFR2 Register Image", "0xffffffffffffffff", "", 0x50));
    }
  }

  @Test
  void everyEntryHasItsFieldsByName() {
    StructureReport ivhd =
        only(
            new IvrsBuilder()
                .ivhd(
                    0x40,
                    0,
                    2,
                    A,
                    new byte[] {0, 0, 1, 0},
                    all(0x31),
                    select(0x10, 0xd7),
                    range(0x18, 0x1f, 0),
                    alias(0x42, 0x308, 0, 0x300),
                    extended(0x46, 0x20, 0, 0x8000_0001),
                    special(0, 2, 0xa0, 2),
                    special(0, 3, 0xa0, 9),
                    acpi(0xa5, 0x40, "AMDI0020", 2, "\\_SB.F".getBytes()),
                    new byte[] {(byte) 0x41, 1, 2, 3, 4, 5, 6, 7}));

    assertThat(ivhd.children())
        .extracting(StructureReport::kind)
        .containsExactly(
            "Pad",
            "All",
            "Select",
            "Range start",
            "Range end",
            "Alias select",
            "Extended select",
            "Special device",
            "Special device",
            "ACPI HID device",
            "unknown entry type 0x41");
    assertThat(entryFields(ivhd, 0)).containsExactly("Type=0x0 Pad", "Reserved=00 01 00 not 0");
    assertThat(entryFields(ivhd, 1))
        .containsExactly("Type=0x1 All", "Reserved=00 00 ", "DTE Setting=0x31 SysMgt=0x3 INITPass");
    assertThat(entryFields(ivhd, 2))
        .containsExactly(
            "Type=0x2 Select",
            "DeviceID=0x10 00:02.0",
            "DTE Setting=0xd7 Lint1Pass Lint0Pass SysMgt=0x1 NMIPass EIntPass INITPass");
    assertThat(entryFields(ivhd, 4))
        .containsExactly("Type=0x4 Range end", "DeviceID=0x1f 00:03.7", "Reserved=00 ");
    assertThat(entryFields(ivhd, 5))
        .containsExactly(
            "Type=0x42 Alias select",
            "DeviceID=0x308 03:01.0",
            "DTE Setting=0x0 ",
            "Reserved=00 ",
            "Source DeviceID=0x300 03:00.0",
            "Reserved=00 ");
    assertThat(entryFields(ivhd, 6))
        .endsWith("Extended DTE Setting=0x80000001 AtsDisabled RSVD[30:0]=0x1");
    assertThat(entryFields(ivhd, 7))
        .endsWith("Handle=0x2 HPET number", "Source DeviceID=0xa0 00:14.0", "Variety=0x2 HPET");
    assertThat(entryFields(ivhd, 8)).endsWith("Variety=0x9 unknown");
    assertThat(entryFields(ivhd, 9))
        .containsExactly(
            "Type=0xf0 ACPI HID device",
            "DeviceID=0xa5 00:14.5",
            "DTE Setting=0x40 Lint0Pass",
            "ACPI HID=41 4d 44 49 30 30 32 30 \"AMDI0020\"",
            "ACPI CID=00 00 00 00 00 00 00 00 \"\"",
            "UID Format=0x2 string",
            "UID Length=0x6 6 bytes",
            "UID=5c 5f 53 42 2e 46 \\_SB.F");
    assertThat(entryFields(ivhd, 10))
        .containsExactly("Type=0x41 unknown entry type 0x41", "Undecoded=01 02 03 04 05 06 07 ");
    assertThat(ivhd.children().get(2).offset()).isEqualTo(0x60);
    assertThat(ivhd.children().get(2).fields().get(1).offset()).isEqualTo(0x61);
  }

  @Test
  void memoryDefinitionHasItsFieldsByName() {
    StructureReport ivmd =
        only(new IvrsBuilder().ivmd(0x22, 0x1d, 7, 0x20, 0x2f, 0x9618_e000L, 0x1000));

    assertThat(ivmd.fields())
        .containsExactly(
            new FieldReport("Type", "0x22", "IVMD 22h", 0x30),
            new FieldReport("Flags", "0x1d", "Unity IW ExclusionRange RSVD[7:4]=0x1", 0x31),
            new FieldReport("Length", "0x20", "32 bytes", 0x32),
            new FieldReport("DeviceID", "0x20", "00:04.0", 0x34),
            new FieldReport("Auxiliary Data", "0x2f", "last DeviceID 00:05.7", 0x36),
            new FieldReport("PCI Segment Group", "0x7", "", 0x38),
            new FieldReport("Reserved", "00 00 00 00 00 00", "", 0x3a),
            new FieldReport("Start Address", "0x9618e000", "", 0x40),
            new FieldReport("Memory Block Length", "0x1000", "bytes", 0x48));
  }

  @Test
  void i12_damagedEntriesAreToldAndTheNextBlockIsDecoded() {
    TableReport report =
        IvrsReporter.report(
            new IvrsBuilder()
                .ivhd(0x10, 0, 2, A, select(0x10, 0), new byte[] {0x42, 1, 2})
                .ivhd(0x10, 0, 0x2002, A + 0x10_0000, new byte[] {(byte) 0xf5, 1})
                .ivmd(0x20, 7, 0, 0, 0, 0x1000, 0x1000)
                .build());

    assertThat(report.structures())
        .extracting(StructureReport::kind)
        .containsExactly("IVHD 10h", "IVHD 10h", "IVMD 20h");
    assertThat(report.structures().get(0).children()).hasSize(1);
    assertThat(report.structures().get(0).fields())
        .endsWith(new FieldReport("Undecoded", "42 01 02", "damaged device entries", 0x4c));
    assertThat(report.problems())
        .containsExactly(
            "IVRS offset 0x4c: IVHD 10h: Alias select of 8 bytes: 3 are left in the block",
            "IVRS offset 0x67: IVHD 10h: unknown entry type 0xf5: nothing says how long it is; what follows it in"
                + " the block cannot be decoded");
  }

  @Test
  void i12_truncatedBlocksAreDecodedAsFarAsTheyGo() {
    byte[] whole = new IvrsBuilder().ivhd(0x11, 0, 2, A).bytes();
    byte[] cut = Arrays.copyOf(whole, 48 + 18);
    cut[4] = (byte) cut.length;
    TableReport report = IvrsReporter.report(AcpiTable.of(IvrsBuilder.seal(cut), "cut"));

    StructureReport ivhd = report.structures().get(0);
    assertThat(ivhd.lengthBytes()).isEqualTo(40);
    assertThat(ivhd.fields()).extracting(FieldReport::name).endsWith("PCI Segment Group");
    assertThat(report.problems())
        .containsExactly(
            "IVRS offset 0x30: IVHD 11h says that it is 40 bytes long, and 18 are left in the table; decoding ends"
                + " after them");
  }

  @Test
  void headerThatIsCutShortIsReportedWithoutBlocks() {
    byte[] cut = Arrays.copyOf(new IvrsBuilder().bytes(), 38);
    cut[4] = 38;
    TableReport report = IvrsReporter.report(AcpiTable.of(cut, "cut"));

    assertThat(report.header()).extracting(FieldReport::name).endsWith("Creator Revision");
    assertThat(report.problems())
        .hasSize(2)
        .last()
        .isEqualTo(
            "IVRS offset 0x4: the table is 38 bytes long: expected at least 48; it has no structures");
  }

  private static StructureReport only(IvrsBuilder builder) {
    TableReport report = IvrsReporter.report(builder.build());
    assertThat(report.structures()).hasSize(1);
    return report.structures().get(0);
  }

  private static FieldReport field(StructureReport structure, String name) {
    return structure.fields().stream().filter(f -> f.name().equals(name)).findFirst().orElseThrow();
  }

  private static List<String> entryFields(StructureReport ivhd, int index) {
    return ivhd.children().get(index).fields().stream()
        .map(f -> f.name() + "=" + f.raw() + " " + f.meaning())
        .toList();
  }
}
