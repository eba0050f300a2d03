package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class AmdViCachesTest {
  private static final int DOMAIN = 7;

  private final Bench bench = Bench.lazy();
  private final long root = bench.memory.allocatePage();
  private final long middle = bench.memory.allocatePage();
  private final long leaf = bench.memory.allocatePage();

  /** Three levels; 512 pages from address 0 lead to 0x5000000 and up. */
  private void build(Bench on, long rootHpa, long middleHpa, long leafHpa) {
    on.memory.write64(rootHpa, Bench.pde(middleHpa, 2));
    on.memory.write64(middleHpa, Bench.pde(leafHpa, 1));
    on.memory.fill64(leafHpa, 512, Bench.pte(0x5000000), 0x1000);
    on.attach(3, rootHpa, DOMAIN);
    on.enabled();
  }

  private void build() {
    build(bench, root, middle, leaf);
  }

  @Test
  void aTranslationStaysUntilItsPageIsInvalidatedAndTheCommandIsDone() {
    build();
    assertThat(bench.dma(0x3008, true)).isEqualTo(0x5003008);
    bench.memory.write64(leaf + 24, 0);
    assertThat(bench.dma(0x3008, true)).isEqualTo(0x5003008);
    bench.invalidatePages(DOMAIN, 0x2000);
    bench.invalidatePages(DOMAIN + 1, 0x3000);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    assertThat(bench.dma(0x3008, true)).isEqualTo(0x5003008);
    bench.invalidatePages(DOMAIN, 0x3000);
    assertThat(bench.dma(0x3008, true)).isEqualTo(0x5003008);
    bench.sync();
    bench.assertBlocked(0x3008, true);
    bench.assertClean();
  }

  @ParameterizedTest
  @CsvSource({
    "0x0000000000000000, 0, 0",
    "0x0000000000005000, 5, 5",
    "0x0000000000000001, 0, 1",
    "0x0000000000006001, 6, 7",
    "0x0000000000005001, 4, 7",
    "0x000000000000d001, 12, 15",
    "0x000000000001b001, 24, 31",
    "0x0000000000017001, 16, 31",
    "0x000000000010f001, 256, 287",
    "0x00000000000ff001, 0, 511",
    "0x000000000007f001, 0, 255",
    "0x000000000017f001, 256, 511",
    "0x7ffffffffffff001, 0, 511",
    "0xfffffffffffff001, 0, 511",
    "0x0000000000200000, 1, 0",
    "0x00000000002ff001, 1, 0",
  })
  void exactlyTheRangeThatTheAddressEncodesIsInvalidated(String operand, int first, int last) {
    build();
    for (long page = 0; page < 512; page++) {
      bench.dma(page << 12, false);
    }
    bench.memory.fill64(leaf, 512, 0, 0);
    bench.invalidatePages(DOMAIN, Long.parseUnsignedLong(operand.substring(2), 16));
    bench.sync();
    for (int page = 0; page < 512; page++) {
      boolean stale = page < first || page > last;
      assertThat(bench.dma((long) page << 12, false))
          .as("page %d", page)
          .isEqualTo(stale ? 0x5000000L + page * 0x1000L : RemappingUnit.BLOCKED);
    }
    assertThat(bench.unit.cachedTranslations()).isEqualTo(512 - Math.max(0, last - first + 1));
    bench.assertClean();
  }

  @Test
  void withoutPdeTheDirectoriesStay() {
    build();
    bench.dma(0x3000, false);
    assertThat(bench.unit.cachedDirectories()).isEqualTo(2);
    long other = bench.memory.allocatePage();
    bench.memory.write64(other + 24, Bench.pte(0x7000000));
    bench.memory.write64(middle, Bench.pde(other, 1));
    bench.invalidatePages(DOMAIN, 0x7fff_ffff_ffff_f001L);
    bench.sync();
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x5003000);
    bench.invalidatePages(DOMAIN, 0x5000 | 2);
    bench.sync();
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x5003000);
    assertThat(bench.dma(0x4000, false)).isEqualTo(RemappingUnit.BLOCKED);
    bench.invalidatePages(DOMAIN, 0x3000);
    bench.sync();
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x7000000);
    bench.assertClean();
  }

  @Test
  void aDirectoryElsewhereStaysUnderPde() {
    build();
    bench.dma(0x3000, false);
    bench.memory.write64(root, 0);
    bench.invalidatePages(DOMAIN, 0x4000_0000L | 2);
    bench.sync();
    assertThat(bench.dma(0x5000, false)).isEqualTo(0x5005000);
    // In the gigabyte, not in the 2 MiB: the table of level 2 goes, that of level 1 stays.
    bench.invalidatePages(DOMAIN, 0x20_0000L | 2);
    bench.sync();
    assertThat(bench.unit.cachedDirectories()).isEqualTo(1);
    assertThat(bench.dma(0x6000, false)).isEqualTo(0x5006000);
    bench.invalidateDomain(DOMAIN);
    bench.sync();
    bench.assertBlocked(0x6000, false);
  }

  @Test
  void aDeviceEntryStaysWholeUntilItIsInvalidated() {
    build();
    bench.dma(0x3000, false);
    assertThat(bench.unit.cachedDeviceEntries()).isOne();
    bench.memory.write64(bench.deviceTable + 32 * Bench.ID, 3);
    bench.invalidateDomain(DOMAIN);
    bench.invalidateDevice(Bench.ID + 1);
    bench.sync();
    assertThat(bench.dma(0x3000, true)).isEqualTo(0x5003000);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.assertBlocked(0x3000, true);
    bench.assertClean();
  }

  @Test
  void aReusedDomainIdStillHasTheOldTranslations() {
    build();
    bench.dma(0x3000, false);
    long otherRoot = bench.memory.allocatePage();
    bench.dte(Bench.ID, 3, DOMAIN);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.attach(3, otherRoot, DOMAIN);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x5003000);
    bench.invalidateDomain(DOMAIN);
    bench.sync();
    bench.assertBlocked(0x3000, false);
    bench.assertClean();
  }

  @Test
  void devicesOfOneDomainShareTranslations() {
    build();
    bench.memory.write64(
        bench.deviceTable + 32 * 0x18 + 8, bench.memory.read64(bench.deviceTable + 32 * 0x10 + 8));
    bench.memory.write64(
        bench.deviceTable + 32 * 0x18, bench.memory.read64(bench.deviceTable + 32 * 0x10));
    bench.dma(0x3000, false);
    bench.memory.write64(leaf + 24, 0);
    assertThat(bench.unit.translate(new Rid(0, 0, 3, 0), 0x3000, false)).isEqualTo(0x5003000);
  }

  @Test
  void invalidateAllForgetsEverything() {
    build();
    bench.dma(0x3000, false);
    bench.command(0x8000_0000_0000_0000L, 0);
    bench.sync();
    assertThat(bench.unit.cachedDeviceEntries()).isZero();
    assertThat(bench.unit.cachedDirectories()).isZero();
    assertThat(bench.unit.cachedTranslations()).isZero();
  }

  @Test
  void disablingTheUnitForgetsNothing() {
    build();
    bench.dma(0x3000, false);
    bench.unit.write(0x18, 8, 0);
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x3000);
    bench.memory.fill64(leaf, 512, 0, 0);
    bench.unit.write(0x18, 8, 1);
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x5003000);
  }

  @Test
  void withNpCacheWhatIsNotPresentIsCachedAndWithoutItIsNot() {
    build();
    bench.memory.write64(leaf + 24, 0);
    bench.assertBlocked(0x3000, false);
    bench.memory.write64(leaf + 24, Bench.pte(0x9000));
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x9000);

    Bench negative =
        new Bench(
            AmdViConfig.builder()
                .notPresentCached(true)
                .runLag(1)
                .commandLag(1)
                .eagerRefetch(false));
    long table = negative.memory.allocatePage();
    negative.attach(1, table, DOMAIN);
    negative.enabled();
    negative.assertBlocked(0x3000, false);
    negative.memory.write64(table + 24, Bench.pte(0x9000));
    negative.assertBlocked(0x3000, false);
    negative.invalidatePages(DOMAIN, 0x3000);
    negative.sync();
    assertThat(negative.dma(0x3000, false)).isEqualTo(0x9000);
    negative.assertClean();
  }

  @Test
  void anEagerUnitFetchesAgainWhatTheTablesStillSay() {
    Bench eager = new Bench(AmdViConfig.builder());
    long a = eager.memory.allocatePage();
    long b = eager.memory.allocatePage();
    long c = eager.memory.allocatePage();
    build(eager, a, b, c);
    eager.dma(0x3000, false);
    eager.dma(0x4000, false);
    eager.memory.write64(c + 32, 0);
    eager.invalidateDomain(DOMAIN);
    eager.invalidateDevice(Bench.ID);
    eager.sync();
    // Cleared too late: page 3 was fetched again, page 4 was clear in time.
    eager.memory.write64(c + 24, 0);
    eager.memory.write64(eager.deviceTable + 32 * Bench.ID, 3);
    assertThat(eager.dma(0x3000, false)).isEqualTo(0x5003000);
    eager.assertBlocked(0x4000, false);
    eager.command(0x8000_0000_0000_0000L, 0);
    eager.sync();
    eager.assertBlocked(0x3000, false);
    eager.assertClean();
  }

  @Test
  void aPrefetchFillsTheCachesWithoutAFault() {
    build();
    bench.memory.write64(leaf + 8, 0);
    bench.command(0x6000_0000_0300_0010L, 0x0);
    bench.sync();
    assertThat(bench.unit.cachedTranslations()).isEqualTo(3);
    bench.assertNoEvent();
    bench.memory.fill64(leaf, 512, 0, 0);
    assertThat(bench.dma(0x2000, false)).isEqualTo(0x5002000);
    bench.command(0x6000_0000_0300_0010L, 0x10);
    bench.sync();
    assertThat(bench.unit.cachedTranslations()).isZero();
  }

  private static Bench fetching(EntryFetch fetch) {
    return new Bench(
        AmdViConfig.builder().entryFetch(fetch).runLag(1).commandLag(1).eagerRefetch(false));
  }

  /** Two tables: page 3 is at 0x1000 in one and at 0x2000 in the other. */
  private static long[] twoTables(Bench on) {
    long[] tables = {on.memory.allocatePage(), on.memory.allocatePage()};
    on.memory.write64(tables[0] + 24, Bench.pte(0x1000));
    on.memory.write64(tables[1] + 24, Bench.pte(0x2000));
    on.attach(1, tables[0], DOMAIN);
    on.enabled();
    assertThat(on.dma(0x3000, true)).isEqualTo(0x1000);
    return tables;
  }

  @Test
  void aUnitThatFetchesAtEveryStoreKeepsTheOldRootUnderTheNewDomain() {
    Bench torn = fetching(EntryFetch.EVERY_STORE);
    long[] tables = twoTables(torn);
    long entry = torn.deviceTable + 32 * Bench.ID;
    torn.memory.write64(entry + 8, DOMAIN + 1);
    torn.memory.write64(entry, Bench.READ_WRITE | tables[1] | 1 << 9 | 3);
    torn.invalidateDevice(Bench.ID);
    torn.sync();
    assertThat(torn.dma(0x3000, true)).isEqualTo(0x1000);
    torn.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
  }

  @Test
  void aUnitThatFetchesTheFirstWordSeesTheNewRootUnderTheOldDomain() {
    Bench torn = fetching(EntryFetch.FIRST_WORD);
    long[] tables = twoTables(torn);
    torn.memory.write64(tables[1] + 32, Bench.pte(0x7000));
    long entry = torn.deviceTable + 32 * Bench.ID;
    torn.memory.write64(entry + 8, DOMAIN + 1);
    torn.memory.write64(entry, Bench.READ_WRITE | tables[1] | 1 << 9 | 3);
    assertThat(torn.dma(0x4000, true)).isEqualTo(0x7000);
    torn.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
    // Domain 7 knows a page that its table does not have.
    torn.attach(1, tables[0], DOMAIN);
    torn.invalidateDevice(Bench.ID);
    torn.sync();
    assertThat(torn.dma(0x4000, true)).isEqualTo(0x7000);
  }

  @Test
  void aUnitThatFetchesTheSecondWordKeepsTheFirst() {
    Bench torn = fetching(EntryFetch.SECOND_WORD);
    long[] tables = twoTables(torn);
    long entry = torn.deviceTable + 32 * Bench.ID;
    torn.memory.write64(entry, Bench.READ_WRITE | tables[1] | 1 << 9 | 3);
    torn.memory.write64(entry + 8, DOMAIN + 1);
    torn.memory.write64(tables[0] + 32, Bench.pte(0x7000));
    assertThat(torn.dma(0x4000, true)).isEqualTo(0x7000);
    torn.invalidateDevice(Bench.ID);
    torn.sync();
    torn.assertBlocked(0x5000, true);
    assertThat(torn.dma(0x3000, true)).isEqualTo(0x1000);
  }

  @ParameterizedTest
  @EnumSource(EntryFetch.class)
  void aMoveThroughADomainIdOfItsOwnIsSafeOnEveryUnit(EntryFetch fetch) {
    Bench any = fetching(fetch);
    long[] tables = twoTables(any);
    long entry = any.deviceTable + 32 * Bench.ID;
    any.memory.write64(entry + 8, 99);
    any.invalidateDevice(Bench.ID);
    any.sync();
    any.memory.write64(entry, Bench.READ_WRITE | tables[1] | 1 << 9 | 3);
    any.invalidateDevice(Bench.ID);
    any.sync();
    any.memory.write64(entry + 8, DOMAIN + 1);
    any.invalidateDevice(Bench.ID);
    any.invalidateDomain(99);
    any.sync();
    assertThat(any.dma(0x3000, true)).isEqualTo(0x2000);
    any.memory.write64(tables[0] + 24, 0);
    any.invalidateDomain(DOMAIN);
    any.sync();
    any.memory.free(tables[0], 4096);
    any.assertClean();
  }

  @Test
  void rightsOfTheDeviceEntryApplyToCachedTranslations() {
    build();
    bench.dma(0x3000, true);
    bench.dte(Bench.ID, 1L << 61 | root | 3 << 9 | 3, DOMAIN);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    assertThat(bench.dma(0x3000, false)).isEqualTo(0x5003000);
    bench.assertBlocked(0x3000, true);
  }
}
