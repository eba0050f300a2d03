package dev.vmm.iommu.pagetable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.pagetable.RecordingInvalidator.Call;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RadixPageTableTest {
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x20_0000;
  private static final long HUGE = 0x4000_0000;

  private final WatchedMemory memory = new WatchedMemory(1L << 30);
  private final RecordingInvalidator units = new RecordingInvalidator();
  private final RadixPageTable table = table(new SimpleFormat());

  private RadixPageTable table(PageTableFormat format) {
    return new RadixPageTable(format, 4, memory, true, units);
  }

  @Test
  void aPageIsMappedByTheLiteralWordsOfTheFormat() {
    table.map(0x1234_5678_9000L, 0xabcd_e000L, PAGE, Access.READ);

    // 0x123456789000: indexes 0x24, 0xd1, 0xb3, 0x189 from bits 47:39, 38:30, 29:21, 20:12.
    long level3 = memory.read64(table.rootHpa() + 8 * 0x24);
    assertThat(level3 & 0xfff).isEqualTo(3);
    long level2 = memory.read64((level3 & -PAGE) + 8 * 0xd1);
    long level1 = memory.read64((level2 & -PAGE) + 8 * 0xb3);
    assertThat(memory.read64((level1 & -PAGE) + 8 * 0x189)).isEqualTo(0xabcd_e001L);
    assertThat(table.tablePages()).isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({
    "0x1, 0x1000, 0x1000", // iova
    "0x1000, 0x800, 0x1000", // hpa
    "0x1000, 0x1000, 0x1001", // length
    "0x1000, 0x1000, 0x0",
    "0xfffffffff000, 0x1000, 0x2000", // past the last iova of 4 levels
    "0x1000000000000, 0x1000, 0x1000",
    "0xfffffffffffff000, 0x1000, 0x2000", // wraps
    "0x1000, 0xffffffffff000, 0x2000", // past 52 bits of hpa
    "0x1000, 0xfffffffffffff000, 0x2000",
    "0x1000, 0x1000, 0xfffffffffffff000",
  })
  void badRangesAreRefusedBeforeAnythingChanges(String iova, String hpa, String length) {
    VmmException refusal =
        catchThrowableOfType(
            VmmException.class,
            () -> table.map(number(iova), number(hpa), number(length), Access.READ_WRITE));

    assertThat(refusal.errno()).isEqualTo(Errno.EINVAL);
    assertThat(refusal).hasMessageContaining(length).hasMessageContaining("iova " + iova);
    assertThat(memory.stores).isZero();
    assertThat(units.calls).isEmpty();
  }

  @Test
  void unmapRefusesTheSameRanges() {
    assertThatThrownBy(() -> table.unmap(0x800, PAGE)).hasMessageContaining("unmap");
    assertThatThrownBy(() -> table.unmap(0, 0)).hasMessageContaining("unmap");
    assertThatThrownBy(() -> table.unmap(table.lastIova() & -PAGE, 2 * PAGE))
        .hasMessageContaining("up to iova 0xffffffffffff");
  }

  private static long number(String hex) {
    return Long.parseUnsignedLong(hex.substring(2), 16);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 7, -1})
  void levelsThatTheFormatLacksAreRefused(int levels) {
    assertThatThrownBy(() -> new RadixPageTable(new SimpleFormat(), levels, memory, true, units))
        .hasMessageContaining("expected 1 to 6 levels");
  }

  @ParameterizedTest
  @CsvSource({"1, 0x1fffff", "3, 0x7fffffffff", "4, 0xffffffffffff", "5, 0x1ffffffffffffff"})
  void levelsGiveTheLastIova(int levels, String last) {
    RadixPageTable it = new RadixPageTable(new SimpleFormat(), levels, memory, true, units);
    assertThat(it.lastIova()).isEqualTo(number(last));
    assertThat(it.translate(it.lastIova() + 1)).isEmpty();
    it.map(it.lastIova() & -PAGE, 0, PAGE, Access.WRITE);
    assertThat(it.translate(it.lastIova())).contains(new Translation(0xfff, PAGE, Access.WRITE));
    assertThat(it.unmap(it.lastIova() & -PAGE, PAGE)).isTrue();
    assertThat(it.tablePages()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({"4, 0x3fffffffff, 0x3fffffffff", "3, 0xffffffffffff, 0x7fffffffff"})
  void unitsThatTakeLessThanTheLevelsReachLimitTheTable(int levels, String reach, String last) {
    RadixPageTable it =
        new RadixPageTable(
            "domain small", new SimpleFormat(), levels, number(reach), memory, true, units);
    assertThat(it.lastIova()).isEqualTo(number(last));
    long page = it.lastIova() & -PAGE;
    it.map(page, 0, PAGE, Access.WRITE);
    assertThat(it.unmap(page, PAGE)).isTrue();
    assertThatThrownBy(() -> it.map(page, 0, 2 * PAGE, Access.WRITE))
        .hasMessageContainingAll("domain small", "up to iova " + last);
    assertThatThrownBy(() -> it.unmap(page + PAGE, PAGE))
        .hasMessageContainingAll("domain small", "up to iova " + last);
    assertThat(it.translate(page + PAGE)).isEmpty();
    assertThat(it.tablePages()).isEqualTo(1);
  }

  @Test
  void sixLevelsReachTheLastPageOf64Bits() {
    RadixPageTable six = new RadixPageTable(new SimpleFormat(), 6, memory, true, units);
    assertThat(six.lastIova()).isEqualTo(-1L);
    six.map(-2 * PAGE, 0x7000, 2 * PAGE, Access.READ_WRITE);
    assertThat(six.translate(-1L)).contains(new Translation(0x8fff, PAGE, Access.READ_WRITE));
    assertThat(PageTableWalker.walk(new SimpleFormat(), memory, six.rootHpa(), 6).mappings())
        .singleElement()
        .satisfies(run -> assertThat(run.iova()).isEqualTo(-2 * PAGE));
    assertThat(six.unmap(-LARGE, LARGE)).isTrue();
    assertThat(six.tablePages()).isEqualTo(1);
  }

  @Test
  void overlapNamesTheFirstPageThatIsTakenAndLeavesTheOldMapping() {
    table.map(LARGE + 3 * PAGE, 0x5000, PAGE, Access.READ);
    long pages = table.tablePages();
    units.calls.clear();

    assertThatThrownBy(() -> table.map(0, HUGE, 2 * LARGE, Access.READ_WRITE))
        .isInstanceOf(VmmException.class)
        .hasMessageContaining("iova 0x0-0x3fffff")
        .hasMessageContaining("iova 0x203000 is mapped already");
    assertThatThrownBy(() -> table.map(LARGE + PAGE, HUGE, 4 * PAGE, Access.READ_WRITE))
        .hasMessageContaining("iova 0x203000 is mapped already");

    assertThat(table.translate(LARGE + 3 * PAGE))
        .contains(new Translation(0x5000, PAGE, Access.READ));
    assertThat(table.translate(0)).isEmpty();
    assertThat(table.tablePages()).isEqualTo(pages);
    assertThat(units.calls).isEmpty();
  }

  @Test
  void overlapWithASuperpageNamesThePageAsked() {
    table.map(HUGE, 0, HUGE, Access.READ);
    assertThatThrownBy(() -> table.map(HUGE + 5 * PAGE, 0, PAGE, Access.READ))
        .hasMessageContaining("iova 0x40005000 is mapped already");
  }

  @Test
  void theLargestPagesThatFitAreUsed() {
    // 4 KiB up to 2 MiB, then 2 MiB up to 1 GiB, then 1 GiB, and down again.
    table.map(HUGE - LARGE - PAGE, 2 * HUGE - LARGE - PAGE, 2 * (LARGE + PAGE) + HUGE, Access.READ);
    assertThat(table.translate(HUGE - LARGE - PAGE).orElseThrow().pageBytes()).isEqualTo(PAGE);
    assertThat(table.translate(HUGE - LARGE).orElseThrow().pageBytes()).isEqualTo(LARGE);
    assertThat(table.translate(HUGE).orElseThrow().pageBytes()).isEqualTo(HUGE);
    assertThat(table.translate(2 * HUGE).orElseThrow().pageBytes()).isEqualTo(LARGE);
    assertThat(table.translate(2 * HUGE + LARGE).orElseThrow().pageBytes()).isEqualTo(PAGE);
  }

  @Test
  void aTerabyteOfGigabytePagesTakesThreeTables() {
    table.map(0, 0, 1L << 40, Access.READ_WRITE);
    assertThat(table.tablePages()).isEqualTo(3);
    assertThat(memory.fills).as("one fill for each table of leaves").isEqualTo(2);
  }

  @Test
  void aPageThatHolesASuperpageIsFlushedWithAllOfTheSuperpage() {
    table.map(HUGE, 0, HUGE, Access.READ_WRITE);
    units.calls.clear();

    assertThat(table.unmap(HUGE + LARGE + PAGE, PAGE)).isTrue();

    assertThat(units.calls).containsExactly(new Call(true, HUGE, HUGE, true));
    assertThat(table.translate(HUGE + LARGE + PAGE)).isEmpty();
    assertThat(table.translate(HUGE + LARGE).orElseThrow())
        .isEqualTo(new Translation(LARGE, PAGE, Access.READ_WRITE));
    assertThat(table.translate(HUGE).orElseThrow().pageBytes()).isEqualTo(LARGE);
  }

  @Test
  void leavesOfOneTableAreFlushedAsLeavesOnly() {
    table.map(PAGE, PAGE, 8 * PAGE, Access.READ_WRITE);
    units.calls.clear();
    table.unmap(3 * PAGE, 2 * PAGE);
    assertThat(units.calls).containsExactly(new Call(true, 3 * PAGE, 2 * PAGE, false));
  }

  @Test
  void theMapThatCompletesASuperpageFlushesAllOfItOnce() {
    table.map(LARGE, LARGE, LARGE - PAGE, Access.READ_WRITE);
    units.calls.clear();
    long pages = table.tablePages();

    table.map(2 * LARGE - PAGE, 2 * LARGE - PAGE, PAGE, Access.READ_WRITE);

    assertThat(units.calls).containsExactly(new Call(true, LARGE, LARGE, true));
    assertThat(table.translate(LARGE).orElseThrow().pageBytes()).isEqualTo(LARGE);
    assertThat(table.tablePages()).isEqualTo(pages - 1);
  }

  @ParameterizedTest
  @CsvSource({"0x1000, READ_WRITE", "0x0, READ"})
  void aFullTableWithAnotherAddressOrAccessStaysATable(String shift, Access access) {
    table.map(LARGE, LARGE, LARGE - PAGE, Access.READ_WRITE);
    table.map(2 * LARGE - PAGE, 2 * LARGE - PAGE + number(shift), PAGE, access);
    assertThat(table.translate(LARGE).orElseThrow().pageBytes()).isEqualTo(PAGE);
  }

  @Test
  void unmapOfAGigabyteOfPagesTellsTheUnitsOnceAndVisitsNoEntry() {
    RadixPageTable small = table(new SimpleFormat(6, PAGE));
    small.map(HUGE, 0, HUGE, Access.READ_WRITE);
    assertThat(small.tablePages()).isEqualTo(2 + 1 + 512);
    units.calls.clear();
    long stores = memory.stores;

    assertThat(small.unmap(HUGE, HUGE)).isTrue();

    assertThat(units.calls).containsExactly(new Call(true, HUGE, HUGE, true));
    // The link of the level-2 table, and that of the level-3 table which is empty then.
    assertThat(memory.stores - stores).isEqualTo(2);
    assertThat(small.tablePages()).isEqualTo(1);
  }

  @Test
  void unmapOfNothingHasNoEffect() {
    table.map(0, 0, PAGE, Access.READ);
    units.calls.clear();
    long stores = memory.stores;
    int allocations = memory.allocations;

    assertThat(table.unmap(PAGE, PAGE)).isFalse();
    assertThat(table.unmap(HUGE, 512 * HUGE)).isFalse();

    assertThat(units.calls).isEmpty();
    assertThat(memory.stores).isEqualTo(stores);
    assertThat(memory.allocations).isEqualTo(allocations);
  }

  @Test
  void i05_tablesAreFreedOnlyAfterTheUnitsConfirmed() {
    table.map(0, 0, PAGE, Access.READ);
    List<String> order = new ArrayList<>();
    units.onCall = () -> order.add("flushed");
    memory.beforeFree = () -> order.add("freed");

    table.unmap(0, PAGE);

    assertThat(order).containsExactly("flushed", "freed", "freed", "freed");
  }

  @Test
  void i13_tablesThatNoUnitConfirmedAreKeptForGood() {
    table.map(0, 0, PAGE, Access.READ);
    long allocated = memory.allocatedBytes();
    units.failures = 1;
    memory.beforeFree = () -> assertThat(true).as("freed on hope").isFalse();

    assertThatThrownBy(() -> table.unmap(0, PAGE))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT));

    assertThat(table.translate(0)).isEmpty();
    assertThat(memory.allocatedBytes()).isEqualTo(allocated);
    assertThat(table.tablePages()).isEqualTo(4);
    memory.beforeFree = () -> {};
    table.close(true);
    assertThat(memory.allocatedBytes()).isEqualTo(3 * PAGE);
  }

  @Test
  void aMapThatNoUnitTookIsTakenBack() {
    table.map(0, 0, PAGE, Access.READ);
    long allocated = memory.allocatedBytes();
    units.failures = 1;

    assertThatThrownBy(() -> table.map(LARGE - PAGE, 0, 4 * LARGE, Access.READ_WRITE))
        .hasMessageContaining("does not answer");

    assertThat(table.translate(LARGE - PAGE)).isEmpty();
    assertThat(table.translate(LARGE)).isEmpty();
    assertThat(table.translate(0)).isPresent();
    assertThat(memory.allocatedBytes()).isEqualTo(allocated);
    assertThat(units.calls.get(units.calls.size() - 1))
        .isEqualTo(new Call(true, LARGE - PAGE, 4 * LARGE, true));
  }

  @Test
  void aMergeThatNoUnitTookIsTakenBackToTheOldTable() {
    table.map(LARGE, LARGE, LARGE - PAGE, Access.READ_WRITE);
    long allocated = memory.allocatedBytes();
    units.failures = 1;

    assertThatThrownBy(() -> table.map(2 * LARGE - PAGE, 2 * LARGE - PAGE, PAGE, Access.READ_WRITE))
        .hasMessageContaining("does not answer");

    assertThat(table.translate(2 * LARGE - PAGE)).isEmpty();
    assertThat(table.translate(LARGE)).contains(new Translation(LARGE, PAGE, Access.READ_WRITE));
    assertThat(memory.allocatedBytes()).isEqualTo(allocated);
    table.close(true);
    assertThat(memory.allocatedBytes()).isZero();
  }

  @Test
  void aMapTakenBackThatIsNotConfirmedEitherKeepsItsTablesAndTheFirstError() {
    units.failures = 2;
    VmmException first =
        catchThrowableOfType(VmmException.class, () -> table.map(0, 0, PAGE, Access.READ_WRITE));
    assertThat(first.getSuppressed()).hasSize(1);
    assertThat(table.translate(0)).isEmpty();
    assertThat(memory.allocatedBytes()).isEqualTo(4 * PAGE);
  }

  @Test
  void closeWithoutAFlushKeepsEveryTable() {
    table.map(0, 0, PAGE, Access.READ);
    table.close(false);
    table.close(true);
    assertThat(memory.allocatedBytes()).isEqualTo(4 * PAGE);
    assertThatThrownBy(() -> table.map(0, 0, PAGE, Access.READ)).hasMessageContaining("closed");
    assertThatThrownBy(() -> table.unmap(0, PAGE)).hasMessageContaining("closed");
    assertThatThrownBy(() -> table.translate(0)).hasMessageContaining("closed");
  }

  @Test
  void scribbledTablesMisleadNeitherUnmapNorClose() {
    table.map(HUGE, 0, LARGE, Access.READ_WRITE);
    table.map(HUGE + LARGE, PAGE, PAGE, Access.READ_WRITE);
    for (long page = 0x10_0000; page < 0x10_0000 + 8 * PAGE; page += PAGE) {
      memory.fill64(page, 512, -1L, 0);
    }
    assertThat(table.translate(HUGE)).isEmpty();
    assertThat(table.unmap(HUGE + PAGE, PAGE)).isTrue();
    assertThat(table.unmap(HUGE, 2 * LARGE)).isTrue();
    assertThat(table.tablePages()).isEqualTo(1);
    table.close(true);
    assertThat(memory.allocatedBytes()).isZero();
  }

  @Test
  void translateFollowsLinksOnlyIntoRam() {
    table.map(0, 0, PAGE, Access.READ_WRITE);
    memory.write64(table.rootHpa(), 0x7_ffff_f000L | 3);
    assertThat(table.translate(0)).isEmpty();
    memory.write64(table.rootHpa(), table.rootHpa() | 3);
    assertThat(table.translate(0)).isPresent(); // the root as each level, then as a leaf
  }

  @Test
  void mapsOfDisjointRangesFromManyThreadsAllArrive() throws Exception {
    int threads = 4;
    int each = 2000;
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    CountDownLatch start = new CountDownLatch(1);
    List<Future<?>> done = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      int thread = t;
      done.add(
          pool.submit(
              () -> {
                start.await();
                for (int i = 0; i < each; i++) {
                  long iova = (i * threads + thread) * PAGE; // neighbours in the same tables
                  table.map(iova, HUGE + iova * 2, PAGE, Access.READ_WRITE);
                  if (i % 3 == 0) {
                    assertThat(table.unmap(iova, PAGE)).isTrue();
                  }
                }
                return null;
              }));
    }
    start.countDown();
    for (Future<?> future : done) {
      future.get();
    }
    pool.shutdown();
    for (int n = 0; n < threads * each; n++) {
      boolean there = n / threads % 3 != 0;
      assertThat(table.translate(n * PAGE).map(Translation::hpa))
          .isEqualTo(there ? Optional.of(HUGE + n * PAGE * 2) : Optional.empty());
    }
    table.unmap(0, threads * each * PAGE);
    assertThat(table.tablePages()).isEqualTo(1);
  }
}
