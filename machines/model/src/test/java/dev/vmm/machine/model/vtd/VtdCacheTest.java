package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.BLOCKED;
import static dev.vmm.machine.model.vtd.Rig.DEV;
import static dev.vmm.machine.model.vtd.Rig.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.Rid;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VtdCacheTest {
  private Rig rig = new Rig();
  private long top;

  @BeforeEach
  void begin() {
    begin(new Rig());
  }

  private void begin(Rig fresh) {
    rig = fresh;
    top = rig.page();
    rig.map(top, 0x7000, 0x5000, 3);
    rig.map(top, 0x8000, 0x6000, 3);
    rig.attach(DEV, 7, top);
    rig.start();
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    assertThat(rig.read(DEV, 0x8000)).isEqualTo(0x6000);
  }

  private void clearLeaf(long iova) {
    rig.store(rig.slot(top, rig.levels(), iova, 1), 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aClearedPageStaysUntilAnInvalidationOfItsDomainReachesIt(boolean queue) {
    if (queue) {
      rig.startQueue();
    }
    clearLeaf(0x7000);
    rig.contextGlobal();
    rig.iotlbDomain(8);
    rig.iotlbPages(8, 0x7000, 0, false);
    rig.iotlbPages(7, 0x8000, 0, false);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    rig.iotlbPages(7, 0x7000, 0, false);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
    assertThat(rig.read(DEV, 0x8000)).isEqualTo(0x6000);
    clearLeaf(0x8000);
    rig.iotlbDomain(7);
    assertThat(rig.read(DEV, 0x8000)).isEqualTo(BLOCKED);
    rig.clean();
  }

  @Test
  void theAddressMaskWidensAnInvalidation() {
    clearLeaf(0x7000);
    clearLeaf(0x8000);
    rig.iotlbPages(7, 0x4000, 2, true);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
    assertThat(rig.read(DEV, 0x8000)).isEqualTo(0x6000);
    rig.clean();
  }

  @Test
  void anInvalidationThatComesBeforeTheStoreFetchesTheOldEntryAgain() {
    rig.iotlbDomain(7);
    clearLeaf(0x7000);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    begin(new Rig(VtdConfig.builder().eagerRefetch(false).build()));
    rig.iotlbDomain(7);
    clearLeaf(0x7000);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
  }

  @Test
  void theHintKeepsInnerEntriesAndTheFullInvalidationDropsThem() {
    long inner = rig.slot(top, 4, 0x7000, 2);
    rig.store(inner, 0);
    rig.iotlbPages(7, 0x7000, 0, true);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    rig.iotlbPages(7, 0x400000, 0, false);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    rig.iotlbPages(7, 0x7000, 0, false);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
    assertThat(rig.read(DEV, 0x8000)).isEqualTo(0x6000);
    rig.iotlbPages(7, 0x8000, 0, false);
    assertThat(rig.read(DEV, 0x8000)).isEqualTo(BLOCKED);
    rig.clean();
  }

  @Test
  void aDeviceKeepsItsOldTranslationsUntilItsOldDomainIsFlushed() {
    long other = rig.page();
    rig.map(other, 0x7000, 0x9000, 3);
    rig.store(rig.entry(DEV), 0);
    rig.contextDevice(9, DEV);
    assertThat(rig.unit.cachedDomain(DEV)).contains(7);
    rig.contextDevice(7, OTHER);
    assertThat(rig.unit.cachedDomain(DEV)).contains(7);
    rig.contextDevice(7, DEV);
    assertThat(rig.unit.cachedDomain(DEV)).isEmpty();
    rig.attach(DEV, 9, other);
    rig.iotlbDomain(9);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    rig.iotlbDomain(7);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x9000);
    rig.clean();
  }

  @Test
  void theFunctionMaskWidensADeviceSelectiveInvalidation() {
    Rid function = new Rid(0, 0, 2, 5);
    rig.attach(function, 7, top);
    rig.read(function, 0x7000);
    rig.store(rig.entry(function), 0);
    rig.ccmd(0xe000000100000000L | 0x10L << 16 | 7);
    assertThat(rig.unit.cachedDomain(function)).contains(7);
    rig.ccmd(0xe000000300000000L | 0x10L << 16 | 7);
    assertThat(rig.unit.cachedDomain(function)).isEmpty();
    assertThat(rig.unit.cachedDomain(DEV)).contains(7);
    rig.clean();
  }

  @Test
  void theContextCacheIsFlushedByDomain() {
    rig.store(rig.entry(DEV), 0);
    rig.ccmd(0xc000000000000008L);
    assertThat(rig.unit.cachedDomain(DEV)).contains(7);
    assertThat(rig.ccmd(0xc000000000000007L) >>> 59 & 3).isEqualTo(2);
    assertThat(rig.unit.cachedDomain(DEV)).isEmpty();
    rig.clean();
  }

  @Test
  void whatOneDeviceFetchedServesTheDomain() {
    rig.attach(OTHER, 7, top);
    clearLeaf(0x7000);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(0x5000);
    assertThat(rig.unit.cached(OTHER, 0x7000))
        .contains(
            new VtdUnit.CachedTranslation(VtdUnit.CachedAs.SOURCE, 7, 0x5000, 0x1000, true, true));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void aSuperpageOutlivesAnInvalidationOfAPartOfIt(int level) {
    long iova = 3L << 30;
    rig.store(rig.slot(top, 4, iova, level), 0x83 | 1L << 30);
    assertThat(rig.read(DEV, iova + 0x12345)).isEqualTo((1L << 30) + 0x12345);
    rig.store(rig.slot(top, 4, iova, level), 0);
    rig.iotlbPages(7, iova + 0x5000, 0, false);
    assertThat(rig.read(DEV, iova + 0x5000)).isEqualTo(BLOCKED);
    assertThat(rig.read(DEV, iova + 0x4fff)).isEqualTo((1L << 30) + 0x4fff);
    assertThat(rig.read(DEV, iova + 0x6000)).isEqualTo((1L << 30) + 0x6000);
    rig.iotlbPages(7, iova, 9 * (level - 1), false);
    assertThat(rig.read(DEV, iova + 0x6000)).isEqualTo(BLOCKED);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    rig.clean();
  }

  @Test
  void passThroughIsCachedLikeATranslation() {
    rig.attach(OTHER, 8, 0, 2, 2);
    assertThat(rig.write(OTHER, 0x123456)).isEqualTo(0x123456);
    rig.store(rig.entry(OTHER), 0);
    rig.contextDevice(8, OTHER);
    assertThat(rig.write(OTHER, 0x123456)).isEqualTo(0x123456);
    rig.iotlbDomain(8);
    assertThat(rig.write(OTHER, 0x123456)).isEqualTo(BLOCKED);
    rig.clean();
  }

  @Test
  void withoutCachingModeWhatIsNotPresentIsNotCached() {
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(BLOCKED);
    rig.map(top, 0x9000, 0xa000, 3);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(0xa000);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
    rig.attach(OTHER, 7, top);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(0x5000);
    rig.clean();
  }

  @Test
  void underCachingModeWhatIsNotPresentStaysSoUntilFlushed() {
    begin(new Rig(VtdConfig.cachingMode()));
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(BLOCKED);
    rig.map(top, 0x9000, 0xa000, 3);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(BLOCKED);
    rig.iotlbPages(7, 0x9000, 0, true);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(0xa000);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
    rig.attach(OTHER, 7, top);
    rig.contextDevice(7, OTHER);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
    rig.contextDevice(0, OTHER);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(0x5000);
    rig.clean();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void underCachingModeOnlyWhatIsPresentKeepsATableFromBeingFreed(boolean present) {
    begin(new Rig(VtdConfig.cachingMode()));
    rig.map(top, 0x20_0000, 0x9000, 3);
    if (present) {
      rig.map(top, 0x20_1000, 0xa000, 3);
    }
    assertThat(rig.read(DEV, 0x20_0000)).isEqualTo(0x9000);
    assertThat(rig.read(DEV, 0x20_1000)).isEqualTo(present ? 0xa000 : BLOCKED);
    long link = rig.slot(top, rig.levels(), 0x20_0000, 2);
    long table = rig.memory.deviceRead64(link) & -0x1000L;
    rig.store(link, 0);
    rig.iotlbPages(7, 0x20_0000, 0, false);

    rig.memory.free(table, 0x1000);

    if (present) {
      rig.broke(VtdRule.TABLE_FREED);
    } else {
      assertThat(rig.unit.cached(DEV, 0x20_1000)).isPresent();
      rig.clean();
    }
  }

  @Test
  void rootEntriesAreCachedUntilAGlobalInvalidation() {
    long second = rig.page();
    rig.store(rig.root, second | 1);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
    rig.store(second + OTHER.devfn() * 16L + 8, 0x702);
    rig.store(second + OTHER.devfn() * 16L, top | 1);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
    rig.ccmd(0xc000000000000007L);
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
    rig.contextGlobal();
    assertThat(rig.read(OTHER, 0x7000)).isEqualTo(0x5000);
    rig.clean();
  }

  @Test
  void tablesThatAreNotSnoopedAreSeenAfterTheFlushOnly() {
    begin(new Rig(VtdConfig.qemuLike()));
    long slot = rig.slot(top, 3, 0x9000, 1);
    rig.memory.write64(slot, 0xa003);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(BLOCKED);
    rig.memory.flushCache(slot, 8);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(0xa000);
  }

  @Test
  void theWriteBufferIsDrainedByWbfAndByInvalidations() {
    begin(new Rig(VtdConfig.early()));
    long slot = rig.slot(top, 3, 0x9000, 1);
    rig.memory.write64(slot, 0xa003);
    rig.memory.flushCache(slot, 8);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(BLOCKED);
    rig.w32(0x18, 0x88000000L);
    assertThat(rig.r32(0x1c)).isEqualTo(0xc8000000);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(BLOCKED);
    assertThat(rig.r32(0x1c)).isEqualTo(0xc0000000);
    assertThat(rig.read(DEV, 0x9000)).isEqualTo(0xa000);
    rig.memory.write64(slot + 8, 0xb003);
    rig.memory.flushCache(slot, 16);
    rig.iotlbDomain(5);
    assertThat(rig.read(DEV, 0xa000)).isEqualTo(0xb000);
    rig.clean();
  }

  @Test
  void aSmallIotlbForgetsTheOldest() {
    begin(new Rig(VtdConfig.builder().iotlbCapacity(1).build()));
    assertThat(rig.unit.cacheSizes().translations()).isEqualTo(1);
    assertThat(rig.unit.cached(DEV, 0x7000)).isEmpty();
    assertThat(rig.unit.cached(DEV, 0x8000)).isPresent();
  }

  @Test
  void aPromptUnitInvalidatesWhenTheRegisterIsWritten() {
    Rig prompt = new Rig(VtdConfig.builder().prompt(true).build());
    long top = prompt.page();
    prompt.map(top, 0x7000, 0x5000, 3);
    prompt.attach(DEV, 7, top);
    prompt.start();
    assertThat(prompt.read(DEV, 0x7000)).isEqualTo(0x5000);
    prompt.store(prompt.slot(top, prompt.levels(), 0x7000, 1), 0);
    int iotlb = prompt.config.iro() * 16 + 8;
    prompt.w64(iotlb, 0x9000000000000000L);
    assertThat(prompt.read(DEV, 0x7000)).isEqualTo(Rig.BLOCKED);
    assertThat(prompt.r64(iotlb)).as("IVT, not yet seen to be done").isNegative();
    assertThat(prompt.r64(iotlb) >>> 57 & 3).as("IAIG").isEqualTo(1);
    prompt.clean();
  }
}
