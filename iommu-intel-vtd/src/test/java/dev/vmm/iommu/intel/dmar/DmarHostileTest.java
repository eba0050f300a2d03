package dev.vmm.iommu.intel.dmar;

import static dev.vmm.iommu.intel.dmar.DmarBuilder.bridge;
import static dev.vmm.iommu.intel.dmar.DmarBuilder.endpoint;
import static dev.vmm.iommu.intel.dmar.DmarBuilder.scope;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import dev.vmm.testing.AcpiCorpus;
import dev.vmm.testing.FakePci;
import dev.vmm.testing.HostileTableContract;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Damage of all kinds to DMAR tables, and to bridges' bus numbers. */
class DmarHostileTest extends HostileTableContract {
  private static final Duration LIMIT = Duration.ofSeconds(120);

  private final FakePci pci =
      new FakePci(
          List.of(
              new PciBus.Segment(0, 0, 255, List.of(0, 0x80)),
              new PciBus.Segment(1, 0, 63, List.of(0))));

  @BeforeEach
  void topology() {
    pci.add("0000:00:02.0", 0x8086, 1, 0x030000);
    pci.addBridge("0000:00:1c.0", 2, 6);
    pci.addBridge("0000:02:00.0", 3, 3);
    pci.add("0000:03:00.0", 0x8086, 1, 0x020000);
    pci.addBridge("0000:80:00.0", 0x80, 0xff);
    pci.addBridge("0001:00:01.0", 0, 0);
  }

  @Override
  protected int mutations() {
    return 100_000;
  }

  @Override
  protected int[] extremes() {
    return new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 0x7f, 0x80, 0xfe, 0xff};
  }

  @Override
  protected int[] lengths() {
    return new int[] {0, 1, 3, 5, 6, 7, 0xff};
  }

  @Override
  protected TableReport report(AcpiTable table) {
    return DmarReporter.report(table);
  }

  @Override
  protected Reading read(AcpiTable table) {
    DmarTable parsed = DmarTable.parse(table);
    return new Reading() {
      @Override
      public List<String> problems() {
        return parsed.problems();
      }

      @Override
      public void use() {
        UnitMap map = UnitMap.of(parsed, pci);
        for (Rid rid : pci.functions.keySet()) {
          map.unitOf(rid);
          map.reservedRegions(rid);
        }
      }
    };
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

  @Override
  protected List<byte[]> seeds() {
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
}
