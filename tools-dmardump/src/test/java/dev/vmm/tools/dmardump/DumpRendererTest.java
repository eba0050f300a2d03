package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.pci.Rid;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The text of hand-built reports, letter for letter. */
final class DumpRendererTest {
  private static final UnitReport ON =
      new UnitReport(
          "drhd0",
          "drhd",
          0xfed90000L,
          "1.0",
          0,
          List.of("all other devices of segment 0"),
          true,
          0x7fff000,
          List.of(
              new RegisterReport(
                  "VER_REG",
                  0,
                  32,
                  0x10,
                  List.of(FieldReport.of("MAX", 1), FieldReport.of("MIN", 0))),
              new RegisterReport(
                  "CAP_REG",
                  8,
                  64,
                  0x00d2008c22260206L,
                  List.of(FieldReport.of("SAGAW", 2, "39-bit")))),
          List.of(
              new DeviceEntryReport(
                  Rid.parse("00:00.0"), 1, "second-stage", 39, 3, 0x7ffd000, "0101 7ffd001"),
              new DeviceEntryReport(
                  Rid.parse("00:03.0"), 0x13, "second-stage", 39, 3, 0x7ff0000, "1301 7ff0001"),
              new DeviceEntryReport(Rid.parse("ff:1f.7"), 2, "pass-through", 0, 0, 0, "0202 9")),
          List.of(
              new DomainReport(0x13, 0x7ff0000, 3, 1, List.of(), List.of("entry 0x7ff0008 is odd")),
              new DomainReport(
                  1,
                  0x7ffd000,
                  3,
                  2,
                  List.of(
                      new MappingReport(0, 0, 0x20000000, Access.READ_WRITE, 0x200000),
                      new MappingReport(
                          0x100000000L, 0x100000000L, 0x9f000, Access.READ, 0x40201000)),
                  List.of())),
          List.of(
              new DmaFault(
                  "drhd0", Rid.parse("00:03.0"), 0x7000, Access.WRITE, 5, "no write access")),
          List.of());

  private static String text(UnitReport unit, boolean verbose) throws IOException {
    StringBuilder out = new StringBuilder();
    new DumpRenderer(verbose, Palette.PLAIN).render(unit, out);
    return out.toString();
  }

  @Test
  void aUnitKeepsTheShapeOfFreeBsdsDmardump() throws IOException {
    assertThat(text(ON, false))
        .isEqualTo(
            """
            drhd @ 0xfed90000 (version 1.0) PCI segment 0:
                Unit drhd0, translation on
                Device scope: all other devices of segment 0
                Root table @ 0x7fff000
                Bus 0x00:
                    0000:00:00.0  domain 0x1   second-stage  3-level  39 bits  table 0x7ffd000
                    0000:00:03.0  domain 0x13  second-stage  3-level  39 bits  table 0x7ff0000
                Bus 0xff:
                    0000:ff:1f.7  domain 0x2   pass-through
                Domain 0x1, table 0x7ffd000: 3-level, 2 table pages, 1 device entry
                    iova 0x0-0x1fffffff           -> hpa 0x0          512M  rw  pages 2M
                    iova 0x100000000-0x10009efff  -> hpa 0x100000000  636K  r-  pages 4K/2M/1G
                    total 524924K in 2 ranges, pages 4K/2M/1G
                Domain 0x13, table 0x7ff0000: 3-level, 1 table page, 1 device entry
                    nothing is mapped: every DMA is blocked
                    problem: entry 0x7ff0008 is odd
                Fault: 0000:00:03.0 write to 0x7000, reason 0x5 no write access
            """);
  }

  @Test
  void verboseAddsRawEntriesAndRegistersByField() throws IOException {
    assertThat(text(ON, true))
        .contains("        0000:00:00.0  domain 0x1 ", "            entry 0101 7ffd001\n")
        .endsWith(
            """
                Registers:
                    0x000  VER_REG  0x00000010
                        MAX=0x1 MIN=0x0
                    0x008  CAP_REG  0x00d2008c22260206
                        SAGAW=0x2 (39-bit)
            """);
  }

  @Test
  void aUnitThatWasNeverSetUpSaysSo() throws IOException {
    UnitReport off =
        new UnitReport(
            "drhd0",
            "drhd",
            0xfed90000L,
            "1.0",
            0,
            List.of(),
            false,
            0,
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            List.of("the register block cannot be read"));

    assertThat(text(off, false))
        .isEqualTo(
            """
            drhd @ 0xfed90000 (version 1.0) PCI segment 0:
                Unit drhd0, translation off
                Device scope: none
                Root table: none
                problem: the register block cannot be read
            """);
    assertThat(DumpRenderer.problemsOf(off)).containsExactly("the register block cannot be read");
  }

  @Test
  void aLongScopeHasALineForEachDevice() throws IOException {
    UnitReport unit =
        new UnitReport(
            "u",
            "drhd",
            0x1000,
            "1.0",
            0,
            java.util.Collections.nCopies(3, "PCI Endpoint Device bus 00 path 1f.0"),
            false,
            0,
            List.of(),
            List.of(),
            List.of(),
            List.of(),
            List.of());

    assertThat(text(unit, false))
        .contains("    Device scope:\n        PCI Endpoint Device bus 00 path 1f.0\n        PCI");
  }

  @Test
  void problemsOfDomainsArePartOfTheUnits() {
    assertThat(DumpRenderer.problemsOf(ON)).containsExactly("entry 0x7ff0008 is odd");
  }

  @Test
  void aTableIsAListOfStructuresWithAlignedFields() throws IOException {
    TableReport table =
        new TableReport(
            "DMAR",
            "a.bin",
            80,
            false,
            List.of(
                FieldReport.of("Revision", 1),
                FieldReport.of("Host Address Width", 0x26, "39 bits")),
            List.of(
                new StructureReport(
                    "DRHD",
                    0x30,
                    24,
                    List.of(
                        FieldReport.of("Type", 0),
                        FieldReport.of("Length", 24),
                        FieldReport.of("Flags", 1, "INCLUDE_PCI_ALL"),
                        FieldReport.of("Reserved", 0)),
                    List.of(
                        new StructureReport(
                            "IOAPIC scope",
                            0x40,
                            8,
                            List.of(
                                new FieldReport("Reserved", "00 01", ""),
                                new FieldReport("Path", "1e 07", "")),
                            List.of())))),
            List.of("offset 0x48: 8 bytes left over"));
    StringBuilder out = new StringBuilder();

    new DumpRenderer(false, Palette.PLAIN).render(table, out);

    assertThat(out.toString())
        .isEqualTo(
            """
            DMAR (a.bin) 80 bytes, checksum wrong:
                Revision            0x1
                Host Address Width  0x26  39 bits
                DRHD at offset 0x30, 24 bytes
                    Flags  0x1  INCLUDE_PCI_ALL
                    IOAPIC scope at offset 0x40, 8 bytes
                        Reserved  00 01
                        Path      1e 07
                problem: offset 0x48: 8 bytes left over
            """);
    StringBuilder verbose = new StringBuilder();
    new DumpRenderer(true, Palette.PLAIN).render(table, verbose);
    assertThat(verbose.toString())
        .contains("        Type      0x0\n        Length    0x18\n        Flags     0x1   INCLUDE");
  }

  @Test
  void longFieldListsAreWrapped() throws IOException {
    List<FieldReport> fields =
        java.util.stream.IntStream.range(0, 40).mapToObj(i -> FieldReport.of("F" + i, i)).toList();
    UnitReport unit =
        new UnitReport(
            "u",
            "drhd",
            0,
            "1.0",
            0,
            List.of(),
            false,
            0,
            List.of(new RegisterReport("R", 0, 64, -1, fields)),
            List.of(),
            List.of(),
            List.of(),
            List.of());

    String text = text(unit, true);

    assertThat(text).contains("0x000  R  0xffffffffffffffff\n", "F39=0x27");
    assertThat(text.lines()).allMatch(line -> line.length() <= 112);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "1, 1",
    "0x1000, 4K",
    "0x9f000, 636K",
    "0x200000, 2M",
    "0x40000000, 1G",
    "0x10000000000, 1T",
    "0x4000000000000, 1024T",
    "0x300000, 3M"
  })
  void sizesAreExactInTheLargestUnit(String bytes, String text) {
    assertThat(DumpRenderer.size(Long.decode(bytes))).isEqualTo(text);
  }

  @Test
  void colourOnlyRepeatsWhatTheWordsSay() throws IOException {
    StringBuilder colour = new StringBuilder();
    new DumpRenderer(true, Palette.When.ALWAYS.palette()).render(ON, colour);

    assertThat(colour.toString()).contains("\u001b[");
    assertThat(colour.toString().replaceAll("\u001b\\[[0-9;]*m", "")).isEqualTo(text(ON, true));
  }
}
