package dev.vmm.iommu.intel.dmar;

import static dev.vmm.iommu.intel.dmar.DmarBuilder.endpoint;
import static dev.vmm.iommu.intel.dmar.DmarBuilder.scope;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class DmarReporterTest {
  @Test
  void headerFieldsHaveOffsetValueAndMeaning() {
    TableReport report =
        DmarReporter.report(new DmarBuilder().hostAddressBits(46).flags(0xd).build());

    assertThat(report.signature()).isEqualTo("DMAR");
    assertThat(report.origin()).isEqualTo("built");
    assertThat(report.checksumValid()).isTrue();
    assertThat(report.problems()).isEmpty();
    assertThat(report.header())
        .extracting(FieldReport::name)
        .containsExactly(
            "Signature",
            "Length",
            "Revision",
            "Checksum",
            "OEMID",
            "OEM Table ID",
            "OEM Revision",
            "Creator ID",
            "Creator Revision",
            "Host Address Width",
            "Flags",
            "Reserved");
    assertThat(report.header())
        .contains(
            new FieldReport("Signature", "44 4d 41 52", "\"DMAR\"", 0),
            new FieldReport("Length", "0x30", "", 4),
            new FieldReport("Host Address Width", "0x2d", "46 bits of DMA physical address", 36),
            new FieldReport(
                "Flags", "0xd", "INTR_REMAP DMA_CTRL_PLATFORM_OPT_IN_FLAG RSVD[7:3]=0x1", 37));
  }

  @Test
  void unitHasItsFieldsAndItsScopesAsChildren() {
    StructureReport drhd =
        only(new DmarBuilder().drhd(1, 0x14, 0x12, 0xfed9_0000L, endpoint(3, 0x1c, 4, 0, 1)));

    assertThat(drhd.kind()).isEqualTo("DRHD");
    assertThat(drhd.offset()).isEqualTo(0x30);
    assertThat(drhd.lengthBytes()).isEqualTo(26);
    assertThat(drhd.fields())
        .containsExactly(
            new FieldReport("Type", "0x0", "DRHD", 0x30),
            new FieldReport("Length", "0x1a", "26 bytes", 0x32),
            new FieldReport("Flags", "0x1", "INCLUDE_PCI_ALL", 0x34),
            new FieldReport("Size", "0x14", "0x10000 bytes of registers, RSVD[7:4]=0x1", 0x35),
            new FieldReport("Segment Number", "0x12", "", 0x36),
            new FieldReport("Register Base Address", "0xfed90000", "", 0x38));
    StructureReport scope = drhd.children().get(0);
    assertThat(scope.kind()).isEqualTo("PCI Endpoint Device");
    assertThat(scope.offset()).isEqualTo(0x40);
    assertThat(scope.fields())
        .containsExactly(
            new FieldReport("Type", "0x1", "PCI Endpoint Device", 0x40),
            new FieldReport("Length", "0xa", "10 bytes", 0x41),
            new FieldReport("Flags", "0x0", "", 0x42),
            new FieldReport("Reserved", "00", "", 0x43),
            new FieldReport("Enumeration ID", "0x0", "", 0x44),
            new FieldReport("Start Bus Number", "0x3", "", 0x45),
            new FieldReport("Path", "1c 04 00 01", "1c.4 00.1", 0x46));
  }

  @Test
  void flagsOfAScopeHaveNamesInASidpOnly() {
    assertThat(flags(only(new DmarBuilder().sidp(0, scope(1, 0x3f, 0, 0, 2, 0)))))
        .isEqualTo(
            "REQ_WO_PASID_NESTED_NOTALLOWED REQ_WO_PASID_PWSNP_NOTALLOWED REQ_WO_PASID_PGSNP_NOTALLOWED ATC_HARDENED"
                + " ATC_REQUIRED RSVD[7:5]=0x1");
    assertThat(flags(only(new DmarBuilder().satc(1, 0, scope(1, 0x1f, 0, 0, 2, 0)))))
        .isEqualTo("RSVD[7:0]=0x1f");
  }

  private static String flags(StructureReport structure) {
    return field(structure.children().get(0), "Flags").meaning();
  }

  @Test
  void everyKindIsDecoded() {
    TableReport report =
        DmarReporter.report(
            new DmarBuilder()
                .drhd(true, 0, 0xfed9_0000L)
                .rmrr(0, 0x1000, 0x1fff, endpoint(0, 2, 0))
                .atsr(1, 0)
                .rhsa(0xfed9_0000L, 7)
                .andd(9, "\\_SB.X")
                .satc(1, 0)
                .sidp(0)
                .raw("ff 00 06 00 be ef")
                .build());

    List<StructureReport> structures = report.structures();
    assertThat(structures)
        .extracting(StructureReport::kind)
        .containsExactly(
            "DRHD", "RMRR", "ATSR", "RHSA", "ANDD", "SATC", "SIDP", "unknown type 0xff");
    assertThat(field(structures.get(1), "Reserved Memory Region Limit Address"))
        .isEqualTo(
            new FieldReport("Reserved Memory Region Limit Address", "0x1fff", "inclusive", 0x50));
    assertThat(field(structures.get(2), "Flags").meaning()).isEqualTo("ALL_PORTS");
    assertThat(field(structures.get(3), "Proximity Domain").raw()).isEqualTo("0x7");
    assertThat(field(structures.get(4), "ACPI Device Number").raw()).isEqualTo("0x9");
    assertThat(field(structures.get(4), "ACPI Object Name").meaning()).isEqualTo("\"\\_SB.X\"");
    assertThat(field(structures.get(5), "Flags").meaning()).isEqualTo("ATC_REQUIRED");
    assertThat(field(structures.get(7), "Undecoded").raw()).isEqualTo("be ef");
    assertThat(report.problems())
        .singleElement()
        .asString()
        .startsWith("DMAR offset 0x9b unknown type 0xff");
  }

  @Test
  void enumerationIdsAreExplainedByType() {
    StructureReport drhd =
        only(
            new DmarBuilder()
                .drhd(
                    true,
                    0,
                    0xfed9_0000L,
                    scope(3, 0, 2, 0xf0, 0x1f, 0),
                    scope(4, 0, 0, 0xf0, 0xf, 0),
                    scope(5, 0, 1, 0, 0x15, 0),
                    scope(9, 0, 1, 0, 0x15, 0)));

    assertThat(drhd.children())
        .extracting(child -> child.kind() + ": " + field(child, "Enumeration ID").meaning())
        .containsExactly(
            "IOAPIC: I/O APIC id",
            "MSI_CAPABLE_HPET: HPET number",
            "ACPI_NAMESPACE_DEVICE: ACPI device number",
            "unknown: ");
  }

  @Test
  void wrongChecksumIsAProblemAndEverythingIsDecodedAllTheSame() {
    byte[] bytes = new DmarBuilder().drhd(true, 0, 0xfed9_0000L).bytes();
    bytes[9]++;
    TableReport report = DmarReporter.report(AcpiTable.of(bytes, "built"));

    assertThat(report.checksumValid()).isFalse();
    assertThat(report.structures()).hasSize(1);
    assertThat(report.problems())
        .singleElement()
        .asString()
        .startsWith("DMAR offset 0x9: the checksum is wrong");
  }

  @Test
  void i12_decodingGoesOnAfterADamagedScope() {
    TableReport report =
        DmarReporter.report(
            new DmarBuilder()
                .raw("02 00 12 00 00 00 00 00 01 08 00 00 00 00 01 00 02 00")
                .atsr(1, 0)
                .build());

    assertThat(report.structures()).hasSize(2);
    assertThat(report.structures().get(0).children()).hasSize(1);
    assertThat(field(report.structures().get(0), "Undecoded"))
        .isEqualTo(new FieldReport("Undecoded", "02 00", "damaged device scopes", 0x40));
    assertThat(report.problems())
        .containsExactly(
            "DMAR offset 0x40: 2 bytes are left in the ATSR: expected a device scope of at least 6");
  }

  @Test
  void i12_scopeThatOverrunsItsStructureIsShownAsHex() {
    TableReport report =
        DmarReporter.report(
            new DmarBuilder().raw("06 00 10 00 00 00 00 00 01 09 00 00 00 00 01 00").build());

    assertThat(field(report.structures().get(0), "Undecoded").raw())
        .isEqualTo("01 09 00 00 00 00 01 00");
    assertThat(report.problems())
        .containsExactly(
            "DMAR offset 0x38: a device scope of the SIDP says that it is 9 bytes long: expected 6 to 8");
  }

  @Test
  void i12_structureTooShortForItsKindIsShownAsFarAsItGoesAndTheNextFollows() {
    TableReport report =
        DmarReporter.report(
            new DmarBuilder()
                .raw("00 00 0a 00 01 00 00 00 ab cd")
                .drhd(true, 0, 0xfed9_0000L)
                .build());

    StructureReport first = report.structures().get(0);
    assertThat(field(first, "Segment Number").offset()).isEqualTo(0x36);
    assertThat(field(first, "Undecoded"))
        .isEqualTo(new FieldReport("Undecoded", "ab cd", "truncated", 0x38));
    assertThat(report.structures().get(1).offset()).isEqualTo(0x3a);
    assertThat(report.problems())
        .containsExactly(
            "DMAR offset 0x30: DRHD says that it is 10 bytes long: expected at least 16");
  }

  @Test
  void i12_structureOfLengthZeroEndsDecoding() {
    TableReport report =
        DmarReporter.report(new DmarBuilder().atsr(1, 0).raw("00 00 00 00 00 00 00 00").build());

    assertThat(report.structures()).hasSize(1);
    assertThat(report.problems())
        .containsExactly(
            "DMAR offset 0x38: DRHD says that it is 0 bytes long: expected at least 16; decoding ends here");
  }

  @Test
  void i12_structurePastTheEndIsShownAsFarAsItGoes() {
    TableReport report =
        DmarReporter.report(
            new DmarBuilder().raw("00 00 ff ff 01 00 00 00 00 00 d9 fe 00 00 00 00").build());

    assertThat(field(report.structures().get(0), "Register Base Address").raw())
        .isEqualTo("0xfed90000");
    assertThat(report.structures().get(0).lengthBytes()).isEqualTo(0xffff);
    assertThat(report.problems())
        .containsExactly(
            "DMAR offset 0x30: DRHD says that it is 65535 bytes long, and 16 are left in the table; decoding ends after"
                + " them");
  }

  @Test
  void i12_bytesAfterTheLastStructureAreShown() {
    TableReport report = DmarReporter.report(new DmarBuilder().raw("02 00 08").build());

    assertThat(report.problems())
        .containsExactly(
            "DMAR offset 0x30: 3 bytes are left (02 00 08): expected a structure of at least 4; decoding ends here");
  }

  @Test
  void i12_tableWithoutRoomForItsOwnFieldsIsShownAsFarAsItGoes() {
    byte[] bytes = Arrays.copyOf(new DmarBuilder().bytes(), 37);
    bytes[4] = 37;
    TableReport report = DmarReporter.report(AcpiTable.of(DmarBuilder.seal(bytes), "built"));

    assertThat(report.header().get(report.header().size() - 1).name())
        .isEqualTo("Host Address Width");
    assertThat(report.problems())
        .containsExactly(
            "DMAR offset 0x4: the table is 37 bytes long: expected at least 48; it has no structures");
  }

  @Test
  void otherSignatureIsAProblem() {
    byte[] bytes = new DmarBuilder().bytes();
    bytes[3] = 'X';

    assertThat(DmarReporter.report(AcpiTable.of(DmarBuilder.seal(bytes), "built")).problems())
        .containsExactly("DMAR offset 0x0: the signature is \"DMAX\": expected \"DMAR\"");
  }

  private static StructureReport only(DmarBuilder table) {
    return DmarReporter.report(table.build()).structures().get(0);
  }

  private static FieldReport field(StructureReport structure, String name) {
    return structure.fields().stream()
        .filter(field -> field.name().equals(name))
        .findFirst()
        .orElseThrow();
  }
}
