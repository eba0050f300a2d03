package dev.vmm.iommu.intel.dmar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real tables, and {@code iasl -d} as the oracle of what they say. */
class DmarCorpusTest {
  private static final Pattern LINE =
      Pattern.compile("\\[([0-9A-F]+)h \\d+ +([0-9A-F]+h?)\\] +(.*?) : (.*)");

  @TempDir private Path folder;

  @Test
  void everyRealTableIsParsedAndReported() {
    for (Path file : AcpiCorpus.files()) {
      AcpiTable table = AcpiCorpus.table(file);
      DmarTable parsed = DmarTable.parse(table);
      TableReport report = DmarReporter.report(table);

      assertThat(parsed.drhds()).as("units of %s", file).isNotEmpty();
      assertThat(parsed.structures()).as("structures of %s", file).noneMatch(this::unknown);
      assertThat(report.problems()).as("problems of %s", file).isEqualTo(parsed.problems());
      assertThat(report.structures().stream().map(StructureReport::offset))
          .as("offsets of %s", file)
          .isEqualTo(parsed.structures().stream().map(DmarStructure::offset).toList());
    }
  }

  @Test
  void everyFieldIsWhatIaslSays() throws Exception {
    List<Path> files = AcpiCorpus.files();
    disassemble(files);
    int structures = 0;
    int scopes = 0;
    for (Path file : files) {
      Disassembly oracle = Disassembly.of(folder.resolve(file.getFileName()));
      AcpiTable table = AcpiCorpus.table(file);
      compareFields(oracle, DmarReporter.report(table), file);

      DmarTable parsed = DmarTable.parse(table);
      assertThat(parsed.hostAddressWidth() - 1).isEqualTo((int) oracle.number(0x24));
      assertThat(flags(parsed)).as("flags of %s", file).isEqualTo((int) oracle.number(0x25));
      // A type that this version of iasl does not know ends its output.
      List<DmarStructure> known =
          parsed.structures().subList(0, oracle.structures.size() - (oracle.unknown ? 1 : 0));
      assertThat(parsed.structures().size())
          .as("structures of %s", file)
          .satisfies(
              size -> {
                if (!oracle.unknown) {
                  assertThat(size).isEqualTo(oracle.structures.size());
                }
              });
      int scopesBefore = scopes;
      for (DmarStructure structure : known) {
        compare(oracle, structure);
        for (DeviceScope scope : structure.scopes()) {
          compare(oracle, scope);
          scopes++;
        }
        structures++;
      }
      assertThat(scopes - scopesBefore).as("scopes of %s", file).isEqualTo(oracle.scopes.size());
    }
    assertThat(structures).isGreaterThan(files.size());
    assertThat(scopes).isGreaterThan(files.size());
  }

  private static int flags(DmarTable table) {
    return (table.interruptRemapping() ? 1 : 0)
        + (table.x2apicOptOut() ? 2 : 0)
        + (table.dmaControlOptIn() ? 4 : 0);
  }

  private static void compare(Disassembly oracle, DmarStructure structure) {
    int at = structure.offset();
    assertThat(oracle.structures).contains(at);
    assertThat((long) structure.lengthBytes()).isEqualTo(oracle.number(at + 2));
    long type = oracle.number(at);
    if (structure instanceof Drhd drhd) {
      assertThat(type).isEqualTo(0);
      assertThat(drhd.includeAll() ? 1L : 0L).isEqualTo(oracle.number(at + 4));
      assertThat(drhd.registerBytes()).isEqualTo(4096 << oracle.number(at + 5));
      assertThat((long) drhd.segment()).isEqualTo(oracle.number(at + 6));
      assertThat(drhd.registerBaseHpa()).isEqualTo(oracle.number(at + 8));
    } else if (structure instanceof Rmrr rmrr) {
      assertThat(type).isEqualTo(1);
      assertThat((long) rmrr.segment()).isEqualTo(oracle.number(at + 6));
      assertThat(rmrr.baseHpa()).isEqualTo(oracle.number(at + 8));
      assertThat(rmrr.limitHpa()).isEqualTo(oracle.number(at + 16));
    } else if (structure instanceof Atsr atsr) {
      assertThat(type).isEqualTo(2);
      assertThat(atsr.allPorts() ? 1L : 0L).isEqualTo(oracle.number(at + 4));
      assertThat((long) atsr.segment()).isEqualTo(oracle.number(at + 6));
    } else if (structure instanceof Rhsa rhsa) {
      assertThat(type).isEqualTo(3);
      assertThat(rhsa.registerBaseHpa()).isEqualTo(oracle.number(at + 8));
      assertThat(rhsa.proximityDomain()).isEqualTo(oracle.number(at + 16));
    } else if (structure instanceof Andd andd) {
      assertThat(type).isEqualTo(4);
      assertThat((long) andd.acpiDeviceNumber()).isEqualTo(oracle.number(at + 7));
      assertThat('"' + andd.objectName() + '"').isEqualTo(oracle.values.get(at + 8));
    } else if (structure instanceof Satc satc) {
      assertThat(type).isEqualTo(5);
      assertThat(satc.atcRequired() ? 1L : 0L).isEqualTo(oracle.number(at + 4));
      assertThat((long) satc.segment()).isEqualTo(oracle.number(at + 6));
    } else if (structure instanceof Sidp sidp) {
      assertThat(type).isEqualTo(6);
      assertThat((long) sidp.segment()).isEqualTo(oracle.number(at + 6));
    }
  }

  private static void compare(Disassembly oracle, DeviceScope scope) {
    int at = scope.offset();
    assertThat(oracle.scopes).contains(at);
    assertThat((long) scope.rawType()).isEqualTo(oracle.number(at));
    assertThat((long) scope.lengthBytes()).isEqualTo(oracle.number(at + 1));
    assertThat((long) scope.enumerationId()).isEqualTo(oracle.number(at + 4));
    assertThat((long) scope.startBus()).isEqualTo(oracle.number(at + 5));
    for (int i = 0; i < scope.path().size(); i++) {
      DeviceScope.Path hop = scope.path().get(i);
      assertThat(String.format("%02X,%02X", hop.device(), hop.function()))
          .isEqualTo(oracle.values.get(at + 6 + 2 * i));
    }
  }

  /** Whatever iasl gives as a number of one field is the same number in the report. */
  private static void compareFields(Disassembly oracle, TableReport report, Path file) {
    Map<Integer, FieldReport> fields = new TreeMap<>();
    report.header().forEach(field -> fields.put(field.offset(), field));
    for (StructureReport structure : report.structures()) {
      structure.fields().forEach(field -> fields.put(field.offset(), field));
      for (StructureReport scope : structure.children()) {
        scope.fields().forEach(field -> fields.put(field.offset(), field));
      }
    }
    oracle.values.forEach(
        (offset, value) -> {
          FieldReport field = fields.get(offset);
          assertThat(field).as("field of %s at 0x%x", file, offset).isNotNull();
          if (field.raw().startsWith("0x")) {
            long expected = oracle.number(offset);
            // iasl shows the scope's flags and reserved byte as one reserved word.
            boolean scopeFlags = oracle.scopes.contains(offset - 2) && oracle.width(offset) == 2;
            assertThat(field.raw())
                .as("%s of %s at 0x%x", field.name(), file, offset)
                .isEqualTo("0x" + Long.toHexString(scopeFlags ? expected & 0xff : expected));
          }
        });
  }

  private boolean unknown(DmarStructure structure) {
    return structure instanceof UnknownStructure;
  }

  private void disassemble(List<Path> files) throws Exception {
    List<String> command = new ArrayList<>(List.of("iasl", "-d"));
    for (Path file : files) {
      Files.copy(file, folder.resolve(file.getFileName()));
      command.add(file.getFileName().toString());
    }
    Process iasl;
    try {
      iasl =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(folder.resolve("output").toFile())
              .start();
    } catch (IOException e) {
      assertThat(System.getenv("CI")).as("CI: iasl must be installed: " + e).isNotEqualTo("true");
      assumeTrue(false, "no iasl on the PATH: install acpica-tools (" + e.getMessage() + ")");
      throw e;
    }
    boolean ended = iasl.waitFor(60, TimeUnit.SECONDS);
    iasl.destroyForcibly();
    assertThat(ended).as("iasl ended in time").isTrue();
    assertThat(iasl.exitValue()).as(() -> "iasl: " + folder.resolve("output")).isEqualTo(0);
  }

  /** What iasl prints: values and widths by offset, and where structures and scopes begin. */
  private static final class Disassembly {
    final Map<Integer, String> values = new TreeMap<>();
    final List<Integer> structures = new ArrayList<>();
    final List<Integer> scopes = new ArrayList<>();
    boolean unknown;
    private final Map<Integer, Integer> widths = new TreeMap<>();

    static Disassembly of(Path table) throws IOException {
      Disassembly result = new Disassembly();
      Path text = Path.of(table.toString().replaceAll("\\.bin$", ".dsl"));
      for (String line : Files.readAllLines(text, java.nio.charset.StandardCharsets.ISO_8859_1)) {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.matches()) {
          continue;
        }
        int offset = Integer.parseInt(matcher.group(1), 16);
        String label = matcher.group(3);
        String value = matcher.group(4);
        if (label.equals("Subtable Type")) {
          result.structures.add(offset);
          result.unknown |= value.contains("Unknown");
        } else if (label.equals("Device Scope Type")) {
          result.scopes.add(offset);
        }
        // Later versions give the width in hex, too.
        String width = matcher.group(2);
        result.widths.put(
            offset,
            width.endsWith("h")
                ? Integer.parseInt(width.substring(0, width.length() - 1), 16)
                : Integer.parseInt(width));
        result.values.put(
            offset, value.startsWith("\"") ? value : value.replaceAll(" +\\[.*", "").strip());
      }
      return result;
    }

    long number(int offset) {
      return Long.parseUnsignedLong(values.get(offset), 16);
    }

    int width(int offset) {
      return widths.get(offset);
    }
  }
}
