package dev.vmm.iommu.intel.dmar;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.testing.AcpiCorpus;
import dev.vmm.testing.Iasl;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real tables and built ones, and {@code iasl -d} as the oracle of what they say. */
class DmarOracleTest {
  private static final String STRUCTURE = "Subtable Type";
  private static final String SCOPE = "Device Scope Type";

  @TempDir private Path folder;

  @Test
  void everyRealTableIsParsedAndReported() {
    for (Path file : AcpiCorpus.files(".dmar.bin")) {
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
  void everyFieldOfRealTablesIsWhatIaslSays() throws Exception {
    Map<String, byte[]> tables = new TreeMap<>();
    for (Path file : AcpiCorpus.files(".dmar.bin")) {
      tables.put(file.getFileName().toString(), AcpiCorpus.bytes(file));
    }
    compare(tables);
  }

  @Test
  void everyFieldOfBuiltTablesIsWhatIaslSays() throws Exception {
    Map<String, byte[]> tables = new TreeMap<>();
    Random random = new Random(39);
    for (int i = 0; i < 100; i++) {
      tables.put(String.format("built%02d.bin", i), built(random));
    }
    compare(tables);
  }

  /** Any mixture of the kinds that iasl has long known, then of the later ones. */
  private static byte[] built(Random random) {
    DmarBuilder table =
        new DmarBuilder().hostAddressBits(1 + random.nextInt(64)).flags(random.nextInt(8));
    for (int n = 1 + random.nextInt(8); n > 0; n--) {
      int segment = random.nextInt(0x10000);
      switch (random.nextInt(5)) {
        case 0 ->
            table.drhd(
                random.nextInt(2), random.nextInt(16), segment, random.nextLong(), scopes(random));
        case 1 -> table.rmrr(segment, random.nextLong(), random.nextLong(), scopes(random));
        case 2 -> table.atsr(random.nextInt(2), segment, scopes(random));
        case 3 -> table.rhsa(random.nextLong(), random.nextInt());
        default -> table.andd(random.nextInt(256), "\\_SB.D" + random.nextInt(1000));
      }
    }
    return table
        .satc(random.nextInt(2), random.nextInt(0x10000), scopes(random))
        .sidp(random.nextInt(0x10000), scopes(random))
        .bytes();
  }

  private static byte[][] scopes(Random random) {
    byte[][] scopes = new byte[random.nextInt(4)][];
    for (int i = 0; i < scopes.length; i++) {
      int[] path = new int[2 * (1 + random.nextInt(4))];
      for (int hop = 0; hop < path.length; hop++) {
        path[hop] = random.nextInt(hop % 2 == 0 ? 32 : 8);
      }
      scopes[i] =
          DmarBuilder.scope(
              1 + random.nextInt(5), 0, random.nextInt(256), random.nextInt(256), path);
    }
    return scopes;
  }

  private void compare(Map<String, byte[]> tables) throws Exception {
    Map<String, Iasl> oracles = Iasl.disassemble(folder, tables);
    int structures = 0;
    int scopes = 0;
    for (Map.Entry<String, byte[]> entry : tables.entrySet()) {
      String file = entry.getKey();
      Iasl oracle = oracles.get(file);
      AcpiTable table = AcpiTable.of(entry.getValue(), file);
      oracle.assertSameFields(DmarReporter.report(table), file);

      DmarTable parsed = DmarTable.parse(table);
      assertThat(parsed.hostAddressWidth() - 1).isEqualTo((int) oracle.number(0x24));
      assertThat(flags(parsed)).as("flags of %s", file).isEqualTo((int) oracle.number(0x25));
      // A type that this version of iasl does not know ends its output.
      List<DmarStructure> known = parsed.structures();
      if (!oracle.unknown().isEmpty()) {
        known = known.subList(0, oracle.offsetsOf(STRUCTURE).size() - 1);
      }
      assertThat(known).as("structures of %s", file).hasSizeGreaterThanOrEqualTo(1);
      assertThat(known.stream().map(DmarStructure::offset))
          .as("structures of %s", file)
          .isEqualTo(
              oracle.unknown().isEmpty()
                  ? oracle.offsetsOf(STRUCTURE)
                  : oracle.offsetsOf(STRUCTURE).subList(0, oracle.offsetsOf(STRUCTURE).size() - 1));
      int before = scopes;
      for (DmarStructure structure : known) {
        compare(oracle, structure);
        for (DeviceScope scope : structure.scopes()) {
          compare(oracle, scope);
          scopes++;
        }
        structures++;
      }
      assertThat(scopes - before)
          .as("scopes of %s", file)
          .isEqualTo(oracle.offsetsOf(SCOPE).size());
    }
    assertThat(structures).isGreaterThan(tables.size());
    assertThat(scopes).isGreaterThan(tables.size());
  }

  private static int flags(DmarTable table) {
    return (table.interruptRemapping() ? 1 : 0)
        + (table.x2apicOptOut() ? 2 : 0)
        + (table.dmaControlOptIn() ? 4 : 0);
  }

  private static void compare(Iasl oracle, DmarStructure structure) {
    int at = structure.offset();
    assertThat(oracle.offsetsOf(STRUCTURE)).contains(at);
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
      assertThat('"' + andd.objectName() + '"').isEqualTo(oracle.values().get(at + 8));
    } else if (structure instanceof Satc satc) {
      assertThat(type).isEqualTo(5);
      assertThat(satc.atcRequired() ? 1L : 0L).isEqualTo(oracle.number(at + 4));
      assertThat((long) satc.segment()).isEqualTo(oracle.number(at + 6));
    } else if (structure instanceof Sidp sidp) {
      assertThat(type).isEqualTo(6);
      assertThat((long) sidp.segment()).isEqualTo(oracle.number(at + 6));
    }
  }

  private static void compare(Iasl oracle, DeviceScope scope) {
    int at = scope.offset();
    assertThat(oracle.offsetsOf(SCOPE)).contains(at);
    assertThat((long) scope.rawType()).isEqualTo(oracle.number(at));
    assertThat((long) scope.lengthBytes()).isEqualTo(oracle.number(at + 1));
    assertThat((long) scope.enumerationId()).isEqualTo(oracle.number(at + 4));
    assertThat((long) scope.startBus()).isEqualTo(oracle.number(at + 5));
    for (int i = 0; i < scope.path().size(); i++) {
      DeviceScope.Path hop = scope.path().get(i);
      assertThat(String.format("%02X,%02X", hop.device(), hop.function()))
          .isEqualTo(oracle.values().get(at + 6 + 2 * i));
    }
  }

  private boolean unknown(DmarStructure structure) {
    return structure instanceof UnknownStructure;
  }
}
