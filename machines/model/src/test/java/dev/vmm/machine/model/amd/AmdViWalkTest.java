package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.dma.RemappingUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AmdViWalkTest {
  /** What the test mapped: the oracle looks through all of them. */
  private record Region(long start, long size, long hpa, boolean read, boolean write) {
    boolean contains(long iova) {
      return Long.compareUnsigned(iova - start, size) < 0;
    }
  }

  /** Where an entry of the test's own tables leads. */
  private record Child(int level, long table) {}

  private static int shift(int level) {
    return 3 + 9 * level;
  }

  private static final class Mapper {
    final Bench bench;
    final Random random;
    final int mode;
    final long root;
    final List<Region> regions = new ArrayList<>();
    final Map<Long, Child> children = new HashMap<>();
    final Map<Long, Long> entries = new HashMap<>();

    Mapper(Bench bench, Random random, int mode) {
      this.bench = bench;
      this.random = random;
      this.mode = mode;
      this.root = bench.memory.allocatePage();
    }

    long rights() {
      return random.nextInt(4) == 0 ? (long) random.nextInt(4) << 61 : 3L << 61;
    }

    /** Maps a page of this level and of 2^order bytes; gives up where something is in the way. */
    void map(long iova, long hpa, int leafLevel, int order) {
      long size = 1L << order;
      for (Region region : regions) {
        if (region.contains(iova) || Long.compareUnsigned(region.start - iova, size) < 0) {
          return;
        }
      }
      int level = mode;
      long table = root;
      long rights = 3L << 61;
      while (level > leafLevel) {
        long slot = table + 8 * (iova >>> shift(level) & 511);
        Child child = children.get(slot);
        if (child == null) {
          if (entries.containsKey(slot)) {
            return;
          }
          int next = level - 1;
          while (next > leafLevel && (iova >>> shift(next) & 511) == 0 && random.nextBoolean()) {
            next--;
          }
          child = new Child(next, bench.memory.allocatePage());
          children.put(slot, child);
          long entry = rights() | child.table | (long) next << 9 | 1 | random.nextInt(16) << 1;
          entries.put(slot, entry);
          bench.memory.write64(slot, entry);
        }
        rights &= entries.get(slot);
        for (int skipped = child.level + 1; skipped < level; skipped++) {
          if ((iova >>> shift(skipped) & 511) != 0) {
            return;
          }
        }
        level = child.level;
        table = child.table;
      }
      if (level != leafLevel) {
        return;
      }
      long slot = table + 8 * (iova >>> shift(level) & 511);
      int slots = 1 << order - shift(level);
      for (int i = 0; i < slots; i++) {
        if (entries.containsKey(slot + 8L * i)) {
          return;
        }
      }
      long leafRights = rights();
      boolean coded = order != shift(level);
      long entry =
          leafRights
              | hpa
              | (coded ? (size / 2 - 1) & ~0xfffL : 0)
              | (coded ? 7L << 9 : 0)
              | 3L << 59 & random.nextLong()
              | 1L << 63 & random.nextLong()
              | 1;
      for (int i = 0; i < slots; i++) {
        entries.put(slot + 8L * i, entry);
        bench.memory.write64(slot + 8L * i, entry);
      }
      rights &= leafRights;
      regions.add(new Region(iova, size, hpa, (rights >>> 61 & 1) != 0, (rights >>> 62) != 0));
    }

    long expected(long iova, boolean write) {
      for (Region region : regions) {
        if (region.contains(iova)) {
          boolean may = write ? region.write : region.read;
          return may ? region.hpa + (iova - region.start) : RemappingUnit.BLOCKED;
        }
      }
      return RemappingUnit.BLOCKED;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6})
  void everyModeAndPageSizeWalksAsTheOracleSays(int mode) {
    int mapped = 0;
    int coded = 0;
    for (int seed = 0; seed < 6; seed++) {
      Random random = new Random(1000L * mode + seed);
      Bench bench = Bench.lazy();
      Mapper mapper = new Mapper(bench, random, mode);
      long space = mode == 6 ? -1L : (1L << 12 + 9 * mode) - 1;
      for (int i = 0; i < 120; i++) {
        int level = 1 + random.nextInt(mode);
        int most = Math.min(shift(level) + 8, Math.max(shift(level), 52));
        int order = shift(level) + random.nextInt(most - shift(level) + 1);
        long iova = random.nextLong() & space & -(1L << order);
        if (random.nextInt(3) == 0) {
          iova &= (1L << 30) - 1;
        }
        long hpa = random.nextLong() & 0xf_ffff_ffff_f000L & -(1L << order);
        mapper.map(iova, hpa, level, order);
      }
      mapped += mapper.regions.size();
      coded +=
          (int)
              mapper.regions.stream()
                  .filter(r -> Long.numberOfTrailingZeros(r.size) % 9 != 3)
                  .count();
      bench.attach(mode, mapper.root, 7);
      bench.enabled();
      List<Long> probes = new ArrayList<>();
      for (Region region : mapper.regions) {
        probes.add(region.start);
        probes.add(region.start + region.size - 1);
        probes.add(region.start - 1);
        probes.add(region.start + region.size);
        probes.add(region.start + (random.nextLong() & region.size - 1));
        probes.add(region.start ^ 1L << 12 + random.nextInt(52));
      }
      for (int round = 0; round < 2; round++) {
        for (long probe : probes) {
          boolean special = SpecialAddress.of(probe) != SpecialAddress.MEMORY;
          boolean write = random.nextBoolean();
          if (!special) {
            assertThat(bench.dma(probe, write))
                .as("mode %d seed %d iova 0x%x write %b", mode, seed, probe, write)
                .isEqualTo(mapper.expected(probe, write));
          }
        }
      }
      bench.assertClean();
    }
    assertThat(mapped).isGreaterThan(60);
    assertThat(coded).isGreaterThan(10);
  }

  @ParameterizedTest
  @CsvSource({"4, 5", "4, 6", "5, 6", "6, 7"})
  void aModeBeyondTheHostLevelsIsAnIllegalEntry(int levels, int mode) {
    Bench bench = new Bench(AmdViConfig.builder().hostLevels(levels));
    bench.attach(mode, bench.memory.allocatePage(), 7);
    bench.enabled();
    bench.assertBlocked(0x1234567, false);
    assertThat(bench.event()).isEqualTo("1000000000000010 0000000001234564");
    bench.assertClean();
  }

  @Test
  void reservedBitsInTheWayAreAPageFaultWithRz() {
    Bench bench = Bench.lazy();
    long root = bench.memory.allocatePage();
    long leaf = bench.memory.allocatePage();
    bench.memory.write64(root, Bench.pde(leaf, 1) | 1L << 60);
    bench.memory.write64(root + 8, Bench.pde(leaf, 1));
    bench.memory.write64(leaf, Bench.pte(0x5000) | 1L << 58);
    bench.memory.write64(leaf + 8, Bench.pte(0x5000) | 3L << 59);
    bench.attach(2, root, 0x1234);
    bench.enabled();
    bench.assertBlocked(0x0, true);
    assertThat(bench.event()).isEqualTo("20b0123400000010 0000000000000000");
    bench.assertBlocked(0x20_0008, false);
    assertThat(bench.event()).isEqualTo("2090123400000010 0000000000200008");
    assertThat(bench.dma(0x20_1008, false)).isEqualTo(0x5008);
    bench.assertNoEvent();
  }

  @ParameterizedTest
  @CsvSource({"2, 2", "2, 3", "1, 1", "3, 6"})
  void aNextLevelThatIsNotBelowIsAPageFaultWithoutRz(int mode, int next) {
    Bench bench = Bench.lazy();
    long root = bench.memory.allocatePage();
    bench.memory.write64(root, Bench.pde(bench.memory.allocatePage(), next));
    bench.attach(mode, root, 0x1234);
    bench.enabled();
    bench.assertBlocked(0x10, false);
    assertThat(bench.event()).isEqualTo("2010123400000010 0000000000000010");
  }

  @Test
  void addressBitsOfASkippedLevelAreAPageFaultOfAPresentEntry() {
    Bench bench = Bench.lazy();
    long root = bench.memory.allocatePage();
    bench.memory.write64(root, Bench.pde(bench.memory.allocatePage(), 1));
    bench.attach(3, root, 0x1234);
    bench.enabled();
    bench.assertBlocked(0x20_0000, true);
    assertThat(bench.event()).isEqualTo("2030123400000010 0000000000200000");
    // Above what the mode looks at there is no entry at all.
    bench.assertBlocked(1L << 39, true);
    assertThat(bench.event()).isEqualTo("2020123400000010 0000008000000000");
  }

  @Test
  void aPageSizeThatDoesNotFitItsLevelIsMisuse() {
    Bench bench = Bench.lazy();
    long root = bench.memory.allocatePage();
    // 8 KiB at level 2.
    bench.memory.write64(root, Bench.pte(0) | 7 << 9);
    bench.attach(2, root, 1);
    bench.enabled();
    bench.assertBlocked(0, false);
    bench.assertOnly(AmdViRule.PAGE_SIZE_ENCODING);
  }

  @Test
  void aTableOutsideMemoryIsAHardwareErrorOfThePageTable() {
    Bench bench = Bench.lazy();
    bench.attach(1, 0x4_0000_0000L, 0x1234);
    bench.enabled();
    bench.assertBlocked(0x3000, true);
    assertThat(bench.event()).isEqualTo("4220123400000010 0000000400000018");
    assertThat(bench.unit.read(0x50, 8)).isEqualTo(1);
    assertThat(bench.unit.read(0x40, 8)).isEqualTo(0x4220_1234_0000_0010L);
    assertThat(bench.unit.read(0x48, 8)).isEqualTo(0x4_0000_0018L);
    bench.assertBlocked(0x3000, true);
    assertThat(bench.unit.read(0x50, 8)).isEqualTo(3);
    bench.unit.write(0x50, 8, 3);
    assertThat(bench.unit.read(0x50, 8)).isZero();
    bench.assertClean();
  }
}
