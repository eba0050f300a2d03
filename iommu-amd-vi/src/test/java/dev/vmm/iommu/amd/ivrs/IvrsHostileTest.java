package dev.vmm.iommu.amd.ivrs;

import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.acpi;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.alias;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.all;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.entry;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.extended;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.range;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.select;
import static dev.vmm.iommu.amd.ivrs.IvrsBuilder.special;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.pci.Rid;
import dev.vmm.testing.AcpiCorpus;
import dev.vmm.testing.HostileTableContract;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Damage of all kinds to IVRS tables. */
class IvrsHostileTest extends HostileTableContract {
  private static final long A = 0xfd20_0000L;

  private static final List<Rid> RIDS =
      List.of(
          Rid.parse("0000:00:00.0"),
          Rid.parse("0000:00:00.2"),
          Rid.parse("0000:03:01.0"),
          Rid.parse("0000:ff:1f.7"),
          Rid.parse("0100:00:02.0"));

  @Override
  protected int mutations() {
    return 30_000;
  }

  @Override
  protected int[] extremes() {
    return new int[] {
      0, 1, 2, 3, 4, 5, 8, 0x10, 0x11, 0x20, 0x22, 0x3f, 0x40, 0x42, 0x43, 0x46, 0x47, 0x48, 0x7f,
      0x80, 0xbf, 0xc0, 0xef, 0xf0, 0xf1, 0xfe, 0xff
    };
  }

  @Override
  protected int[] lengths() {
    return new int[] {0, 1, 3, 4, 23, 24, 40, 0xff};
  }

  @Override
  protected TableReport report(AcpiTable table) {
    return IvrsReporter.report(table);
  }

  @Override
  protected Reading read(AcpiTable table) {
    IvrsTable parsed = IvrsTable.parse(table);
    return new Reading() {
      @Override
      public List<String> problems() {
        return parsed.problems();
      }

      @Override
      public void use() {
        UnitMap map = UnitMap.of(parsed);
        for (Rid rid : RIDS) {
          map.unitOf(rid);
          map.settings(rid);
          map.aliasOf(rid);
          map.reservedRegions(rid);
        }
      }
    };
  }

  @Test
  void i12_manyBlocksTakeTimeAndSpaceInProportion() {
    IvrsBuilder many = new IvrsBuilder();
    // Units with a segment each.
    for (int unit = 0; unit < 10_000; unit++) {
      many.ivhd(0x10, unit, 2, A, all(0), range(0, 0xffff, 0));
    }
    // Units of one segment that cut up each other's ids.
    byte[][] entries = new byte[8_000][];
    for (int i = 0; i < entries.length; i++) {
      entries[i] = select(2 * i + 4, 0);
    }
    for (int unit = 0; unit < 10; unit++) {
      many.ivhd(
          0x11, 0, 0x10 + unit, A, unit % 2 == 0 ? entries : new byte[][] {range(0, 0xffff, 0)});
    }
    AcpiTable table = many.build();

    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          UnitMap map = UnitMap.of(IvrsTable.parse(table));
          assertThat(map.unitOf(Rid.of(9_999, 0x100))).map(Ivhd::segment).contains(9_999);
          assertThat(map.unitOf(Rid.of(0, 0x100))).map(Ivhd::deviceId).contains(2);
          assertThat(IvrsReporter.report(table).structures()).hasSize(10_010);
        });
  }

  @Override
  protected List<byte[]> seeds() {
    List<byte[]> seeds = new ArrayList<>();
    seeds.add(everything());
    seeds.add(new IvrsBuilder().ivhd(0x10, 0, 2, A, range(3, 0xffff, 0)).bytes());
    seeds.add(new IvrsBuilder().bytes());
    for (Path file : AcpiCorpus.filesIfPresent(".ivrs.bin")) {
      seeds.add(AcpiCorpus.bytes(file));
    }
    return seeds;
  }

  private static byte[] everything() {
    byte[][] entries = {
      new byte[4],
      all(0),
      select(0x10, 0xd7),
      range(0x20, 0x2f, 0),
      new byte[] {0x40, 0, 0, 0, 0, 0, 0, 0},
      alias(0x42, 0x308, 0, 0x300),
      alias(0x43, 0x400, 0, 0x300),
      entry(4, 0x4ff, 0),
      extended(0x46, 0x20, 0, 0x8000_0000),
      extended(0x47, 0x500, 0, 1),
      entry(4, 0x5ff, 0),
      special(0xd7, 2, 0xa0, 1),
      special(0, 0, 0xa0, 2)
    };
    byte[][] named = Arrays.copyOf(entries, entries.length + 3);
    named[entries.length] = acpi(0xa5, 0x40, "AMDI0020", 2, "\\_SB.FUR0".getBytes());
    named[entries.length + 1] = acpi(0x99, 0xf7, "PNP0D40", 0, new byte[0]);
    named[entries.length + 2] = acpi(0x60, 0, "MSFT0201", 1, new byte[] {1, 0, 0, 0, 0, 0, 0, 0});
    return new IvrsBuilder()
        .ivhd(0x10, 0, 2, A, entries)
        .ivhd(0x11, 0, 2, A, entries)
        .ivhd(0x40, 0, 2, A, named)
        .ivmd(0x20, 7, 0, 0, 0, 0x7700_0000L, 0x1000)
        .ivmd(0x21, 8, 0, 0x10, 0, 0x7710_0000L, 0x26000)
        .ivmd(0x22, 3, 0, 0x20, 0x2f, 0x7720_0000L, 0x1000)
        .raw("51 08 08 00 01 02 03 04")
        .bytes();
  }
}
