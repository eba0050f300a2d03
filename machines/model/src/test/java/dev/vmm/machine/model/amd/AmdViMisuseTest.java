package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.memory.Visibility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class AmdViMisuseTest {
  private static final int DOMAIN = 7;

  private final Bench bench = Bench.lazy();
  private final long entry = bench.deviceTable + 32 * Bench.ID;
  private final long root = bench.memory.allocatePage();
  private final long leaf = bench.memory.allocatePage();
  private final long page = bench.memory.allocatePage();

  private void build() {
    bench.memory.write64(root, Bench.pde(leaf, 1));
    bench.memory.write64(leaf + 8, Bench.pte(page));
    bench.memory.write64(leaf + 8 * ((page >>> 12) & 511), 0);
    bench.attach(2, root, DOMAIN);
    bench.enabled();
    assertThat(bench.dma(0x1000, true)).isEqualTo(page);
  }

  @Test
  void aMoveThroughABlockedEntryIsClean() {
    build();
    long other = bench.memory.allocatePage();
    bench.memory.write64(entry, 3);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.memory.write64(entry, Bench.READ_WRITE | other | 1 << 9 | 3);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.invalidateDomain(DOMAIN);
    bench.sync();
    bench.memory.free(root, 4096);
    bench.memory.free(leaf, 4096);
    bench.memory.free(page, 4096);
    bench.assertBlocked(0x1000, true);
    bench.assertClean();
  }

  @Test
  void rootAndDomainChangedOneAfterTheOtherInALiveEntryAreTorn() {
    build();
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.assertClean();
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
  }

  @Test
  void takingTheRightsAwayTearsNothingButGivingOthersBeforeTheUnitLookedDoes() {
    build();
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.memory.write64(entry, 3);
    bench.assertClean();
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
    bench.memory.write64(entry, 3);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.assertClean();
  }

  @Test
  void aMoveThroughADomainIdOfItsOwnIsClean() {
    build();
    bench.memory.write64(entry + 8, DOMAIN + 100);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.assertClean();
  }

  @Test
  void anInvalidationThatWasHandedOverBeforeTheStoreDoesNotCountForIt() {
    build();
    bench.invalidateDevice(Bench.ID);
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.sync();
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
  }

  @Test
  void anInvalidationThatIsNotWaitedForDoesNotCount() {
    build();
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.invalidateDevice(Bench.ID);
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
  }

  @Test
  void invalidateAllCountsForEveryEntry() {
    build();
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.command(0x8000_0000_0000_0000L, 0);
    bench.sync();
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.assertClean();
  }

  @Test
  void anEntryThatPassesEverythingGetsDomainAndThenRootWithoutTearing() {
    build();
    bench.memory.write64(entry, Bench.READ_WRITE | 3);
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.memory.write64(entry, Bench.READ_WRITE | root | 2 << 9 | 3);
    bench.assertClean();
    bench.memory.write64(entry + 8, DOMAIN);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
  }

  @Test
  void anEntryMadeValidBeforeItsDomainIsTorn() {
    bench.enabled();
    bench.memory.write64(entry, Bench.READ_WRITE | root | 2 << 9 | 3);
    bench.memory.write64(entry + 8, DOMAIN);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_TORN);
  }

  @Test
  void changesOfALiveEntryWithAnInvalidationBetweenAreClean() {
    build();
    bench.memory.write64(entry + 8, DOMAIN + 1);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.memory.write64(entry, Bench.READ_WRITE | leaf | 1 << 9 | 3);
    bench.assertClean();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void narrowStoresToAValidEntryAreMisuse(int width) {
    build();
    bench.memory.write(entry + 8, width, 0x7f);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_NARROW);
    bench.memory.write(entry + 32, width, 0x7e);
    bench.assertClean();
  }

  @Test
  void bulkStoresToLiveTablesAreMisuse() {
    build();
    bench.memory.writeBytes(entry + 8, new byte[8], 0, 8);
    bench.assertOnly(AmdViRule.DEVICE_ENTRY_NARROW);
    bench.memory.writeBytes(leaf, new byte[4096], 0, 4096);
    bench.assertOnly(AmdViRule.PAGE_ENTRY_NARROW);
  }

  @Test
  void narrowStoresToATableThatACacheKnowsAreMisuseUntilItIsForgotten() {
    build();
    bench.memory.write(leaf + 12, 4, 0);
    bench.assertOnly(AmdViRule.PAGE_ENTRY_NARROW);
    bench.memory.write64(entry, 3);
    bench.invalidateDevice(Bench.ID);
    bench.invalidateDomain(DOMAIN);
    bench.sync();
    bench.memory.write(leaf + 12, 4, 1);
    bench.memory.write(root, 4, 1);
    bench.assertClean();
  }

  @Test
  void aTableFreedBeforeTheDirectoriesForgetItIsMisuse() {
    build();
    bench.memory.write64(root, 0);
    bench.invalidatePages(DOMAIN, 0x7fff_ffff_ffff_f001L);
    bench.sync();
    bench.memory.free(leaf, 4096);
    bench.assertOnly(AmdViRule.TABLE_FREED);
  }

  @Test
  void aRootFreedBeforeTheDeviceEntryIsForgottenIsMisuse() {
    build();
    bench.memory.write64(entry, 3);
    bench.invalidateDomain(DOMAIN);
    bench.invalidateDevice(Bench.ID);
    bench.memory.free(root, 4096);
    bench.assertOnly(AmdViRule.TABLE_FREED);
    bench.sync();
    bench.memory.free(leaf, 4096);
    bench.assertClean();
  }

  @Test
  void memoryFreedWhileATranslationLeadsToItIsMisuse() {
    build();
    bench.memory.write64(leaf + 8, 0);
    bench.invalidatePages(DOMAIN, 0x1000);
    bench.memory.free(page, 4096);
    bench.assertOnly(AmdViRule.MEMORY_FREED);
  }

  @Test
  void memoryFreedAfterTheInvalidationCompletedIsClean() {
    build();
    bench.memory.write64(leaf + 8, 0);
    bench.invalidatePages(DOMAIN, 0x1000);
    bench.sync();
    bench.memory.free(page, 4096);
    bench.assertClean();
  }

  @Test
  void memoryThatIsMappedToItselfMayBeFreed() {
    bench.memory.write64(leaf + 8 * (page >>> 12 & 511), Bench.pte(page));
    bench.memory.write64(root + 8 * (page >>> 21), Bench.pde(leaf, 1));
    bench.attach(2, root, DOMAIN);
    bench.enabled();
    assertThat(bench.dma(page, true)).isEqualTo(page);
    bench.memory.free(page, 4096);
    bench.assertClean();
  }

  @Test
  void structuresFreedWhileEnabledAreMisuseAndAfterwardsAreNot() {
    bench.enabled();
    bench.memory.free(bench.deviceTable, 4096);
    bench.memory.free(bench.commands, 4096);
    bench.assertOnly(AmdViRule.STRUCTURE_FREED, AmdViRule.STRUCTURE_FREED);
    bench.unit.write(0x18, 8, 0);
    bench.unit.read(0x2020, 8);
    bench.memory.free(bench.events, 4096);
    bench.assertClean();
  }

  @Test
  void aBufferThatStillRunsIsInUseThoughTheUnitIsDisabled() {
    bench.enabled();
    bench.unit.write(0x18, 8, 0);
    bench.memory.free(bench.commands, 4096);
    bench.assertOnly(AmdViRule.STRUCTURE_FREED);
    bench.unit.read(0x2020, 8);
    bench.memory.free(bench.events, 4096);
    bench.memory.free(bench.deviceTable, 4096);
    bench.assertClean();
  }

  @Test
  void storesBeforeTheUnitIsEnabledAndAfterItIsDisabledAreNobodysBusiness() {
    bench.memory.write(entry, 1, 3);
    bench.memory.write64(entry + 8, 1);
    bench.enabled();
    bench.unit.write(0x18, 8, 0);
    bench.memory.write(entry, 1, 0);
    bench.memory.write64(entry + 8, 2);
    bench.memory.write64(entry, 3);
    bench.assertClean();
  }

  @Test
  void aUnitThatDoesNotSnoopWalksWhatWasFlushed() {
    Bench stale =
        new Bench(
            AmdViConfig.builder().coherent(false).runLag(1).commandLag(1), Visibility.NON_COHERENT);
    long table = stale.memory.allocatePage();
    stale.memory.flushCache(table, 4096);
    stale.memory.flushCache(stale.deviceTable, 4096);
    stale.enabled();
    stale.memory.write64(table + 8, Bench.pte(0x9000));
    stale.attach(1, table, DOMAIN);
    assertThat(stale.dma(0x1000, true)).isEqualTo(0x1000);
    stale.memory.flushCache(stale.deviceTable, 4096);
    stale.unit.write(0x18, 8, 0);
    stale.unit.reset();
    stale.enabled();
    stale.assertBlocked(0x1000, true);
    stale.memory.flushCache(table, 4096);
    assertThat(stale.dma(0x1000, true)).isEqualTo(0x9000);
    stale.assertClean();
  }

  @Test
  void aTableThatWasNeverFlushedIsNoticedWhereTheUnitDoesNotSnoop() {
    Bench stale =
        new Bench(
            AmdViConfig.builder().coherent(false).runLag(1).commandLag(1), Visibility.NON_COHERENT);
    long table = stale.memory.allocatePage();
    stale.attach(1, table, DOMAIN);
    stale.memory.flushCache(stale.deviceTable, 4096);
    stale.enabled();
    stale.assertBlocked(0x1000, true);
    stale.assertOnly(AmdViRule.STALE_TABLE);
  }

  @Test
  void aUnitThatCanSnoopDoesSoAsControlAndTheEntrySay() {
    Bench bench =
        new Bench(
            AmdViConfig.builder().runLag(1).commandLag(1).eagerRefetch(false),
            Visibility.NON_COHERENT);
    long table = bench.memory.allocatePage();
    bench.memory.flushCache(table, 4096);
    bench.memory.flushCache(bench.deviceTable, 4096);
    bench.enabled();
    bench.unit.write(0x18, 8, 0x1405);
    bench.memory.write64(table + 8, Bench.pte(0x9000));
    bench.attach(1, table, DOMAIN);
    assertThat(bench.dma(0x1000, true)).isEqualTo(0x9000);
    bench.memory.write64(bench.deviceTable + 32 * Bench.ID + 8, 1L << 38 | DOMAIN);
    bench.invalidateDevice(Bench.ID);
    bench.invalidateDomain(DOMAIN);
    bench.sync();
    bench.assertBlocked(0x1000, true);
    bench.unit.write(0x18, 8, 0x1005);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    assertThat(bench.dma(0x1000, true)).isEqualTo(0x1000);
  }

  @ParameterizedTest
  @EnumSource(AmdViRule.class)
  void everyRuleNamesItsSection(AmdViRule rule) {
    assertThat(rule.book()).contains("\"").matches("[\\x20-\\x7e]+");
  }
}
