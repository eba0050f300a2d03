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

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.pci.Rid;
import dev.vmm.testing.AcpiCorpus;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Damage of all kinds, from a fixed seed: a failure names the bytes that cause it. */
class IvrsHostileTest {
  private static final int MUTATIONS = 30_000;
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final long A = 0xfd20_0000L;

  private int parsed;
  private int refused;

  @Test
  void i12_mutatedTablesAreDecodedOrRefusedWithEinval() {
    List<byte[]> seeds = seeds();
    assertTimeoutPreemptively(
        LIMIT,
        () -> {
          Random random = new Random(0x49565253);
          for (int i = 0; i < MUTATIONS; i++) {
            byte[] table = mutate(seeds.get(i % seeds.size()).clone(), random);
            if (random.nextInt(16) != 0 && table.length > 9) {
              IvrsBuilder.seal(table);
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
    for (byte[] whole : seeds().subList(0, Math.min(seeds().size(), 20))) {
      for (int length = 0; length < whole.length; length++) {
        byte[] table = Arrays.copyOf(whole, length);
        check(table);
        if (length >= 36) {
          // Once more with a Length and a checksum that fit.
          check(IvrsBuilder.seal(fit(table)));
        }
      }
    }
  }

  @Test
  void i12_everyByteAtItsExtremesIsDecodedOrRefusedWithEinval() {
    byte[] whole = everything();
    for (int at = 0; at < whole.length; at++) {
      for (int value :
          new int[] {
            0, 1, 2, 3, 4, 5, 8, 0x10, 0x11, 0x20, 0x22, 0x3f, 0x40, 0x42, 0x43, 0x46, 0x47, 0x48,
            0x7f, 0x80, 0xbf, 0xc0, 0xef, 0xf0, 0xf1, 0xfe, 0xff
          }) {
        byte[] table = whole.clone();
        table[at] = (byte) value;
        check(IvrsBuilder.seal(table));
      }
    }
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

  private static List<byte[]> seeds() {
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

  private static byte[] mutate(byte[] table, Random random) {
    byte[] mutated = table;
    for (int n = 1 + random.nextInt(3); n > 0 && mutated.length > 48; n--) {
      int at = random.nextInt(8) == 0 ? random.nextInt(mutated.length) : body(mutated, random);
      switch (random.nextInt(6)) {
        case 0 -> mutated[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> mutated[at] = (byte) random.nextInt(256);
        case 2 ->
            mutated[length(mutated, random)] =
                new byte[] {0, 1, 3, 4, 23, 24, 40, (byte) 0xff}[random.nextInt(8)];
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

  /** Returns the offset of a block's length, as far as the blocks can be followed. */
  private static int length(byte[] table, Random random) {
    int at = 48;
    for (int steps = random.nextInt(4); steps > 0; steps--) {
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
      TableReport report = IvrsReporter.report(table);
      int at = 48;
      for (StructureReport structure : report.structures()) {
        assertThat(structure.offset()).isEqualTo(at);
        at += structure.lengthBytes();
      }
      IvrsTable parsedTable;
      try {
        parsedTable = IvrsTable.parse(table);
      } catch (VmmException e) {
        refuse(e);
        assertThat(e.getMessage()).contains("(mutated)").contains("offset 0x");
        assertThat(report.problems()).isNotEmpty();
        return;
      }
      parsed++;
      assertThat(at).isEqualTo(table.lengthBytes());
      assertThat(report.problems()).isEqualTo(parsedTable.problems());
      UnitMap map = UnitMap.of(parsedTable);
      for (Rid rid : RIDS) {
        map.unitOf(rid);
        map.settings(rid);
        map.aliasOf(rid);
        map.reservedRegions(rid);
      }
    } catch (RuntimeException | AssertionError e) {
      throw new AssertionError(HexFormat.of().formatHex(bytes), e);
    }
  }

  private static final List<Rid> RIDS =
      List.of(
          Rid.parse("0000:00:00.0"),
          Rid.parse("0000:00:00.2"),
          Rid.parse("0000:03:01.0"),
          Rid.parse("0000:ff:1f.7"),
          Rid.parse("0100:00:02.0"));

  private void refuse(VmmException e) {
    refused++;
    assertThat(e.errno()).isEqualTo(Errno.EINVAL);
  }
}
