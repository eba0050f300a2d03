package dev.vmm.iommu.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every page-table format must pass, with the engine over it: extend it and give the format.
 * Seeded random sequences are compared, store by store, with an oracle that knows pages only, and
 * with a unit that caches all it sees and forgets only what it is told to.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class PageTableFormatContract {
  private static final long PAGE = 1L << 12;
  private static final long LARGE = 1L << 21;
  private static final long HUGE = 1L << 30;
  private static final int SEEDS = 4;

  /** Returns the format with these page sizes, or-ed together; 4096 is always among them. */
  protected abstract PageTableFormat format(long pageSizes);

  /** Returns the levels that the format's units walk, ascending. */
  protected List<Integer> levels() {
    return IntStream.rangeClosed(3, format(PAGE).maxLevels()).boxed().toList();
  }

  /** Returns what a leaf of the format can allow. */
  protected List<Access> accesses() {
    return List.of(Access.values());
  }

  /** Returns the combinations of page sizes that the format's units may have. */
  protected List<Long> pageSizes() {
    return List.of(PAGE, PAGE | LARGE, PAGE | LARGE | HUGE);
  }

  private Stream<Arguments> tables() {
    return levels().stream()
        .flatMap(levels -> pageSizes().stream().map(sizes -> Arguments.of(levels, sizes)));
  }

  private Stream<Arguments> randomTables() {
    return tables()
        .flatMap(
            table ->
                IntStream.range(0, SEEDS)
                    .mapToObj(seed -> Arguments.of(table.get()[0], table.get()[1], seed)));
  }

  @Test
  void aWordOfZeroIsNotPresent() {
    assertThat(format(PAGE).isPresent(0)).isFalse();
  }

  @ParameterizedTest
  @MethodSource("pageSizes")
  void leavesGiveBackWhatTheyWereMadeOf(long pageSizes) {
    PageTableFormat format = format(pageSizes);
    for (int level = 1; level <= 3; level++) {
      long bytes = PageTableFormat.entryBytes(level);
      long top = (1L << format.hpaBits()) - bytes;
      for (Access access : accesses()) {
        for (long hpa : new long[] {0, bytes, 5 * bytes, top}) {
          if ((pageSizes & bytes) != 0) {
            long leaf = format.leaf(hpa, level, access);
            assertThat(format.isPresent(leaf)).isTrue();
            assertThat(format.isLeaf(leaf, level)).isTrue();
            assertThat(format.leafAddress(leaf, level)).isEqualTo(hpa);
            assertThat(format.leafAccess(leaf)).isEqualTo(access);
            assertThat(format.leafBytes(leaf, level)).isEqualTo(bytes);
            assertThat(leaf & format.reservedBits(leaf, level)).isZero();
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("pageSizes")
  void leavesOfAscendingPagesAreAnArithmeticProgression(long pageSizes) {
    PageTableFormat format = format(pageSizes);
    for (int level = 1; level <= 3; level++) {
      long bytes = PageTableFormat.entryBytes(level);
      if ((pageSizes & bytes) != 0) {
        for (Access access : accesses()) {
          for (int i = 0; i < 512; i++) {
            assertThat(format.leaf(i * bytes, level, access))
                .isEqualTo(format.leaf(0, level, access) + i * bytes);
          }
        }
      }
    }
  }

  @Test
  void linksLeadToTheTableAndAreNoLeaves() {
    PageTableFormat format = format(PAGE);
    for (int level = 2; level <= format.maxLevels(); level++) {
      for (long table : new long[] {0x1000, 0x12345000L, (1L << format.hpaBits()) - PAGE}) {
        long link = format.link(table, level);
        assertThat(format.isPresent(link)).isTrue();
        assertThat(format.isLeaf(link, level)).isFalse();
        assertThat(format.linkAddress(link)).isEqualTo(table);
        assertThat(format.linkLevel(link, level)).isEqualTo(level - 1);
        assertThat(format.linkAccess(link)).isEqualTo(Access.READ_WRITE);
        assertThat(link & format.reservedBits(link, level)).isZero();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("randomTables")
  void i15_randomMapsAndUnmapsAgreeWithTheOracleAfterEverySingleStore(
      int levels, long pageSizes, int seed) {
    Random random = new Random(seed);
    CheckedTable bench = new CheckedTable(format(pageSizes), accesses(), levels, seed % 2 == 0);
    // A window that crosses a gigabyte; for odd seeds the last one that the table reaches.
    long window = seed % 2 == 0 ? HUGE - 2 * LARGE : bench.table.lastIova() - 4 * LARGE + 1;
    for (int step = 0; step < 120; step++) {
      long[] range = randomRange(random, window, 4 * LARGE, PAGE, LARGE);
      bench.step(random, range[0], range[1], window, 4 * LARGE);
    }
    bench.unmapAll(window, 4 * LARGE);
  }

  @ParameterizedTest
  @MethodSource("randomTables")
  void i15_randomMapsAndUnmapsOfHugeRangesAgreeWithTheOracle(int levels, long pageSizes, int seed) {
    if ((pageSizes & LARGE) == 0) {
      return; // Without large pages these ranges are a million entries and no other case.
    }
    Random random = new Random(100 + seed);
    CheckedTable bench = new CheckedTable(format(pageSizes), accesses(), levels, LARGE);
    for (int step = 0; step < 60; step++) {
      long[] range = randomRange(random, HUGE, 4 * HUGE, LARGE, HUGE);
      bench.step(random, range[0], range[1], HUGE, 4 * HUGE);
    }
    bench.unmapAll(HUGE, 4 * HUGE);
  }

  /** Returns iova and length of a range in the window, by units, often aligned to {@code large}. */
  private static long[] randomRange(
      Random random, long window, long windowBytes, long unit, long large) {
    long units = windowBytes / unit;
    long perLarge = large / unit;
    long from = random.nextInt((int) units);
    long length =
        switch (random.nextInt(4)) {
          case 0 -> 1;
          case 1 -> 1 + random.nextInt(16);
          case 2 -> perLarge * (1 + random.nextInt(3));
          default -> 1 + random.nextInt((int) (2 * perLarge));
        };
    if (random.nextInt(3) == 0) {
      from -= from % perLarge;
    }
    return new long[] {window + from * unit, Math.min(length, units - from) * unit};
  }

  @ParameterizedTest
  @MethodSource("tables")
  void mapIsAllOrNothingWhereverMemoryRunsOut(int levels, long pageSizes) {
    for (int n = 0; ; n++) {
      PageTableFormat format = format(pageSizes);
      CheckedTable bench = new CheckedTable(format, accesses(), levels, true);
      long iova = HUGE - 3 * LARGE - PAGE;
      bench.map(iova - PAGE, HUGE, PAGE, Access.READ_WRITE);
      long pages = bench.table.tablePages();
      bench.memory.allocationsLeft = n;
      long length = 6 * LARGE + 2 * PAGE; // its end needs tables of every level below the root
      if (bench.tryMap(iova, 4 * HUGE - PAGE, length, accesses().get(0))) {
        assertThat(n).as("allocations until success").isPositive();
        bench.check(iova - PAGE, length + 2 * PAGE);
        return;
      }
      assertThat(bench.table.tablePages()).isEqualTo(pages);
      bench.check(iova - PAGE, length + 2 * PAGE);
    }
  }

  @ParameterizedTest
  @MethodSource("tables")
  void unmapInsideASuperpageChangesNothingWhereMemoryRunsOut(int levels, long pageSizes) {
    if ((pageSizes & LARGE) == 0) {
      return; // No superpage, nothing to split: covered by the random sequences.
    }
    long large = (pageSizes & HUGE) != 0 ? HUGE : LARGE;
    for (long[] cut :
        new long[][] {{PAGE, PAGE}, {large - PAGE, 2 * PAGE}, {PAGE, 2 * large - 2 * PAGE}}) {
      for (int n = 0; ; n++) {
        CheckedTable bench =
            new CheckedTable(format(pageSizes), accesses(), levels, large == HUGE ? LARGE : PAGE);
        bench.oracle.map(large, 4 * HUGE, 2 * large, Access.READ_WRITE);
        bench.table.map(large, 4 * HUGE, 2 * large, Access.READ_WRITE);
        long pages = bench.table.tablePages();
        long allocated = bench.memory.allocatedBytes();
        int calls = bench.unit.unmapped;
        bench.memory.allocationsLeft = n;
        boolean done;
        try {
          done = bench.table.unmap(large + cut[0], cut[1]);
        } catch (VmmException e) {
          assertThat(e.errno()).isEqualTo(Errno.ENOMEM);
          assertThat(bench.table.tablePages()).isEqualTo(pages);
          assertThat(bench.memory.allocatedBytes()).isEqualTo(allocated);
          assertThat(bench.unit.unmapped).isEqualTo(calls);
          bench.check(large, 2 * large);
          continue;
        }
        assertThat(done).isTrue();
        assertThat(n).as("allocations until success").isPositive();
        assertThat(bench.unit.unmapped).isEqualTo(calls + 1);
        for (long at = large; at < 3 * large; at += large == HUGE ? 64 * PAGE - PAGE : PAGE) {
          long page = at & -PAGE;
          boolean hole = page >= large + cut[0] && page < large + cut[0] + cut[1];
          assertThat(bench.table.translate(page).map(Translation::hpa))
              .as("iova 0x%x", page)
              .isEqualTo(hole ? Optional.empty() : Optional.of(page - large + 4 * HUGE));
        }
        break;
      }
    }
  }

  @ParameterizedTest
  @MethodSource("tables")
  void completedTablesBecomeTheSuperpageAgain(int levels, long pageSizes) {
    CheckedTable bench = new CheckedTable(format(pageSizes), accesses(), levels, true);
    long hpa = 8 * HUGE;
    bench.map(HUGE, hpa, LARGE, Access.READ_WRITE);
    long pages = bench.table.tablePages();
    bench.unmap(HUGE + 5 * PAGE, 3 * PAGE);
    bench.map(HUGE + 5 * PAGE, hpa + 5 * PAGE, PAGE, Access.READ_WRITE);
    bench.map(HUGE + 7 * PAGE, hpa + 7 * PAGE, PAGE, Access.READ_WRITE);
    bench.map(HUGE + 6 * PAGE, hpa + 6 * PAGE, PAGE, Access.READ_WRITE);
    assertThat(bench.table.tablePages()).isEqualTo(pages);
    assertThat(bench.table.translate(HUGE + 6 * PAGE))
        .contains(
            new Translation(
                hpa + 6 * PAGE, (pageSizes & LARGE) != 0 ? LARGE : PAGE, Access.READ_WRITE));
    bench.check(HUGE, LARGE);
  }

  @ParameterizedTest
  @MethodSource("tables")
  void closeReturnsEveryPage(int levels, long pageSizes) {
    CheckedTable bench = new CheckedTable(format(pageSizes), accesses(), levels, true);
    bench.map(HUGE - LARGE, PAGE, 2 * LARGE, Access.READ_WRITE);
    bench.map(0, 0, PAGE, Access.READ_WRITE);
    bench.table.close(true);
    bench.table.close(true);
    assertThat(bench.memory.allocatedBytes()).isZero();
    assertThat(bench.table.tablePages()).isZero();
  }
}
