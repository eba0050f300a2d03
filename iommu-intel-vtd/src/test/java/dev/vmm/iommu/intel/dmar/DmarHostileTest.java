package dev.vmm.iommu.intel.dmar;

import static dev.vmm.iommu.intel.dmar.DmarBuilder.bridge;
import static dev.vmm.iommu.intel.dmar.DmarBuilder.endpoint;
import static dev.vmm.iommu.intel.dmar.DmarBuilder.scope;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import dev.vmm.testing.AcpiCorpus;
import dev.vmm.testing.FakePci;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Damage of all kinds, from a fixed seed: a failure names the bytes that cause it. */
class DmarHostileTest {
  private static final int MUTATIONS = 100_000;
  private static final Duration LIMIT = Duration.ofSeconds(120);

  private final FakePci pci =
      new FakePci(
          List.of(
              new PciBus.Segment(0, 0, 255, List.of(0, 0x80)),
              new PciBus.Segment(1, 0, 63, List.of(0))));

  private int parsed;
  private int refused;

  @Test
  void i12_mutatedTablesAreDecodedOrRefusedWithEinval() {
    topology();
    List<byte[]> seeds = seeds();
    assertTimeoutPreemptively(
        LIMIT,
        () -> {
          Random random = new Random(0x444d4152);
          for (int i = 0; i < MUTATIONS; i++) {
            byte[] table = seeds.get(i % seeds.size()).clone();
            table = mutate(table, random);
            if (random.nextInt(16) != 0 && table.length > 9) {
              DmarBuilder.seal(table);
            }
            check(table);
          }
        });
    // Both ways out were taken, each very often.
    assertThat(parsed).isGreaterThan(MUTATIONS / 10);
    assertThat(refused).isGreaterThan(MUTATIONS / 10);
  }

  @Test
  void i12_everyTruncationIsDecodedOrRefusedWithEinval() {
    topology();
    for (byte[] whole : seeds()) {
      for (int length = 0; length < whole.length; length++) {
        byte[] table = Arrays.copyOf(whole, length);
        check(table);
        if (length >= 36) {
          // Once more with a Length and a checksum that fit.
          table[4] = (byte) length;
          table[5] = (byte) (length >>> 8);
          check(DmarBuilder.seal(table));
        }
      }
    }
  }

  @Test
  void i12_everyByteAtItsExtremesIsDecodedOrRefusedWithEinval() {
    topology();
    byte[] whole = everything();
    for (int at = 0; at < whole.length; at++) {
      for (int value : new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7f, 0x80, 0xfe, 0xff}) {
        byte[] table = whole.clone();
        table[at] = (byte) value;
        check(DmarBuilder.seal(table));
      }
    }
  }

  @Test
  void i12_manyStructuresTakeTimeAndSpaceInProportion() {
    byte[] scopes = new byte[6 * 10_000];
    for (int at = 0; at < scopes.length; at += 6) {
      scopes[at] = 2;
      scopes[at + 1] = 6;
    }
    DmarBuilder many = new DmarBuilder();
    for (int i = 0; i < 50_000; i++) {
      many.drhd(true, 0, 0xfed9_0000L);
    }
    AcpiTable table = many.atsr(0, 0, scopes).build();

    assertTimeoutPreemptively(
        Duration.ofSeconds(30),
        () -> {
          UnitMap map = UnitMap.of(DmarTable.parse(table), pci);
          assertThat(map.problems()).hasSize(2 * 49_999 + 10_000);
          assertThat(DmarReporter.report(table).structures()).hasSize(50_001);
        });
  }

  @Test
  void i12_anyBusNumbersInBridgesEndWithAResolution() {
    assertTimeoutPreemptively(
        LIMIT,
        () -> {
          Random random = new Random(7);
          for (int round = 0; round < 2_000; round++) {
            pci.functions.clear();
            for (int i = 0; i < 24; i++) {
              String rid = String.format("%02x:%02x.0", random.nextInt(4), random.nextInt(4));
              if (random.nextInt(4) == 0) {
                pci.add(rid, 0x8086, 1, 0x020000);
              } else {
                pci.addBridge(rid, random.nextInt(5), random.nextInt(6));
              }
            }
            int[] path = new int[2 * (1 + random.nextInt(120))];
            for (int i = 0; i < path.length; i += 2) {
              path[i] = random.nextInt(4);
            }
            UnitMap map =
                UnitMap.of(
                    new DmarBuilder()
                        .drhd(false, 0, 0xfed9_0000L, scope(1 + round % 2, 0, 0, 0, path))
                        .drhd(true, 0, 0xfed9_1000L)
                        .parse(),
                    pci);
            for (Rid rid : pci.functions.keySet()) {
              assertThat(map.unitOf(rid)).isPresent();
            }
          }
        });
  }

  private void topology() {
    pci.add("0000:00:02.0", 0x8086, 1, 0x030000);
    pci.addBridge("0000:00:1c.0", 2, 6);
    pci.addBridge("0000:02:00.0", 3, 3);
    pci.add("0000:03:00.0", 0x8086, 1, 0x020000);
    pci.addBridge("0000:80:00.0", 0x80, 0xff);
    pci.addBridge("0001:00:01.0", 0, 0);
  }

  private static List<byte[]> seeds() {
    List<byte[]> seeds = new ArrayList<>();
    seeds.add(everything());
    seeds.add(
        new DmarBuilder()
            .drhd(false, 0, 0xfed9_0000L, endpoint(0, 2, 0))
            .drhd(true, 0, 0xfed9_1000L)
            .rmrr(0, 0x7b80_0000L, 0x7fff_ffffL, endpoint(0, 2, 0))
            .bytes());
    seeds.add(new DmarBuilder().bytes());
    for (Path file : AcpiCorpus.filesIfPresent(".dmar.bin")) {
      seeds.add(AcpiCorpus.bytes(file));
    }
    return seeds;
  }

  private static byte[] everything() {
    return new DmarBuilder()
        .drhd(0, 4, 0, 0xfed9_0000L, endpoint(0, 2, 0), bridge(0, 0x1c, 0, 0, 0))
        .drhd(false, 1, 0xfed9_2000L, bridge(0, 1, 0))
        .drhd(true, 0, 0xfed9_1000L, scope(3, 0, 2, 0xf0, 0x1f, 0), scope(4, 0, 0, 0xf0, 0xf, 0))
        .rmrr(0, 0x7b80_0000L, 0x7fff_ffffL, endpoint(0, 2, 0), bridge(0x80, 0, 0))
        .atsr(0, 0, bridge(0, 0x1c, 0))
        .rhsa(0xfed9_0000L, 1)
        .andd(1, "\\_SB.PCI0.I2C0")
        .satc(1, 0, endpoint(0, 0x1c, 0, 0, 0, 0, 0))
        .sidp(0, scope(1, 0x1f, 0, 0, 2, 0))
        .raw("34 12 08 00 01 02 03 04")
        .bytes();
  }

  private static byte[] mutate(byte[] table, Random random) {
    byte[] mutated = table;
    for (int n = 1 + random.nextInt(3); n > 0 && mutated.length > 48; n--) {
      int at = random.nextInt(8) == 0 ? random.nextInt(mutated.length) : body(mutated, random);
      switch (random.nextInt(6)) {
        case 0 -> mutated[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> mutated[at] = (byte) random.nextInt(256);
        case 2 ->
            mutated[length(mutated, random)] =
                new byte[] {0, 1, 3, 5, 6, 7, (byte) 0xff}[random.nextInt(7)];
        case 3 -> {
          // Every length after this one is off by some bytes.
          int cut = Math.min(1 + random.nextInt(4), mutated.length - at);
          byte[] shorter = Arrays.copyOf(mutated, mutated.length - cut);
          System.arraycopy(mutated, at + cut, shorter, at, shorter.length - at);
          mutated = fit(shorter);
        }
        case 4 -> mutated = fit(Arrays.copyOf(mutated, at));
        default -> mutated = fit(Arrays.copyOf(mutated, mutated.length + 1 + random.nextInt(9)));
      }
    }
    return mutated;
  }

  private static int body(byte[] table, Random random) {
    return 48 + random.nextInt(table.length - 48);
  }

  /** Returns the offset of a structure's length, as far as the structures can be followed. */
  private static int length(byte[] table, Random random) {
    int at = 48;
    for (int steps = random.nextInt(6); steps > 0; steps--) {
      int length = at + 3 < table.length ? (table[at + 2] & 0xff) | (table[at + 3] & 0xff) << 8 : 0;
      if (length < 4 || at + length + 3 >= table.length) {
        break;
      }
      at += length;
    }
    return Math.min(at + 2 + random.nextInt(2), table.length - 1);
  }

  /** Writes the length into the header, where there is one. */
  private static byte[] fit(byte[] table) {
    if (table.length > 5) {
      table[4] = (byte) table.length;
      table[5] = (byte) (table.length >>> 8);
    }
    return table;
  }

  private void check(byte[] bytes) {
    try {
      AcpiTable table;
      try {
        table = AcpiTable.of(bytes, "mutated");
      } catch (VmmException e) {
        refuse(e);
        return;
      }
      TableReport report = DmarReporter.report(table);
      int at = 48;
      for (StructureReport structure : report.structures()) {
        assertThat(structure.offset()).isEqualTo(at);
        at += structure.lengthBytes();
      }
      DmarTable parsedTable;
      try {
        parsedTable = DmarTable.parse(table);
      } catch (VmmException e) {
        refuse(e);
        assertThat(e.getMessage()).contains("(mutated)").contains("offset 0x");
        assertThat(report.problems()).isNotEmpty();
        return;
      }
      parsed++;
      assertThat(at).isEqualTo(table.lengthBytes());
      assertThat(report.problems()).isEqualTo(parsedTable.problems());
      UnitMap map = UnitMap.of(parsedTable, pci);
      for (Rid rid : pci.functions.keySet()) {
        map.unitOf(rid);
        map.reservedRegions(rid);
      }
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(HexFormat.of().formatHex(bytes), e);
    }
  }

  private void refuse(VmmException e) {
    refused++;
    assertThat(e.errno()).isEqualTo(Errno.EINVAL);
  }
}
