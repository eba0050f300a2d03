package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.InterruptMessage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a message comes to, by the words of 48882 rev 3 and what the unit remembers of them. */
class AmdViInterruptsTest {
  private static final long ADDRESS = 0xfee0_1000L;
  private static final long WORD2 = 32L * Bench.ID + 16;

  /** IV, 512 entries, IntCtl 10b. */
  private static final long REMAP = 0x2000_0000_0000_0013L;

  /** RemapEn, fixed, to APIC 3, vector 52h. */
  private static final long ENTRY = 0x0052_0301L;

  private final Bench bench = Bench.lazy();
  private final long table = bench.memory.allocatePage();

  private void word2(long value) {
    bench.memory.write64(bench.deviceTable + WORD2, value);
  }

  private void entry(int index, long value) {
    bench.memory.write(table + 4L * index, 4, value);
  }

  private @Nullable InterruptMessage send(int data) {
    return bench.unit.interrupt(Bench.DEVICE, ADDRESS, data);
  }

  private void expectPasses(int data) {
    assertThat(send(data)).isEqualTo(new InterruptMessage(ADDRESS, data));
    bench.assertNoEvent();
  }

  private void expectBlocked(int data, String event) {
    assertThat(send(data)).isNull();
    assertThat(bench.event()).isEqualTo(event + " 00000000fee01000");
    bench.assertNoEvent();
  }

  private void invalidateInterrupts() {
    bench.command(0x5000_0000_0000_0000L | Bench.ID, 0);
    bench.sync();
  }

  @Test
  void aUnitThatIsOffLetsMessagesPass() {
    word2(1);
    assertThat(send(0x41)).isEqualTo(new InterruptMessage(ADDRESS, 0x41));
  }

  @ParameterizedTest
  @ValueSource(ints = {0x41, 0x141, 0x200, 0x400, 0x500, 0x700})
  void withoutIvEveryMessagePasses(int data) {
    word2(REMAP & ~1L);
    bench.enabled();
    expectPasses(data);
  }

  @Test
  void intCtlStopsOrPassesFixedAndArbitratedMessages() {
    word2(1);
    bench.enabled();
    expectBlocked(0x41, "8a00000000000010");
    expectBlocked(0x141, "8a00000000000010");
    word2(0x1000_0000_0000_0001L);
    expectBlocked(0x41, "8a00000000000010");
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    expectPasses(0x41);
    expectPasses(0x141);
  }

  /** INIT is bit 56 and delivery mode 5, ExtInt 57 and 7, NMI 58 and 4. */
  @ParameterizedTest
  @CsvSource({"0x500, 56", "0x700, 57", "0x400, 58"})
  void otherKindsPassByTheirBitAndAreNotRemapped(int data, int bit) {
    word2(REMAP | table | 1L << bit);
    bench.enabled();
    expectPasses(data);
    word2((REMAP | table | 7L << 56) & ~(1L << bit));
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    expectBlocked(data, "2008000000000010");
  }

  /** SmiFEn is bit 22 of Control, SmiFLogEn 24; SmiDV is bit 16 of a filter, SmiFLock 17. */
  @Test
  void theFilterAloneDecidesOnSystemManagementInterrupts() {
    Bench smi = new Bench(AmdViConfig.builder().runLag(1).commandLag(1).smiFilters(2));
    assertThat(smi.unit.read(0x30, 8) >>> 16 & 0x1f).as("SmiFRC, SmiFSup").isEqualTo(0b101);
    smi.memory.write64(smi.deviceTable + WORD2, REMAP | table);
    smi.unit.write(0x60, 8, Bench.ID);
    smi.unit.write(0x68, 8, 0x3_0000 | Bench.ID + 1);
    smi.enabled();
    assertThat(smi.unit.interrupt(Bench.DEVICE, ADDRESS, 0x200)).as("off").isNotNull();
    smi.unit.write(0x18, 8, Bench.ENABLE | 1 << 22);
    assertThat(smi.unit.interrupt(Bench.DEVICE, ADDRESS, 0x200)).isNull();
    smi.assertNoEvent();
    smi.unit.write(0x18, 8, Bench.ENABLE | 1 << 22 | 1 << 24);
    assertThat(smi.unit.interrupt(Bench.DEVICE, ADDRESS, 0x200)).isNull();
    assertThat(smi.event()).isEqualTo("2008000000000010 00000000fee01000");
    smi.unit.write(0x68, 8, 0x1_0000 | Bench.ID);
    assertThat(smi.unit.read(0x68, 8)).as("locked").isEqualTo(0x3_0000 | Bench.ID + 1);
    smi.unit.write(0x60, 8, 0x1_0000 | Bench.ID);
    assertThat(smi.unit.interrupt(Bench.DEVICE, ADDRESS, 0x2ff))
        .isEqualTo(new InterruptMessage(ADDRESS, 0x2ff));
    smi.assertClean();
    smi.unit.write(0x70, 8, 1);
    smi.assertOnly(AmdViRule.REGISTER_RESERVED_BITS);
    smi.unit.reset();
    assertThat(smi.unit.read(0x68, 8)).isZero();
  }

  @Test
  void anEntryOfTheTableMakesTheMessage() {
    word2(REMAP | table);
    // Arbitrated, logical, with EOI.
    entry(1, 0x00fe_0465L);
    entry(0x1ff, ENTRY);
    bench.enabled();
    assertThat(send(1)).isEqualTo(InterruptMessage.to(4, true, true, 1, true, 0xfe));
    assertThat(send(0x1ff)).isEqualTo(new InterruptMessage(0xfee0_3000L, 0x52));
    bench.assertNoEvent();
    bench.assertClean();
  }

  @ParameterizedTest
  @CsvSource({
    "0x00520300, 2008000700000010",
    "0x00520309, 2098000700000010",
    "0x0052031d, 2098000700000010",
    "0x00520381, 2098000700000010",
    "0x01520301, 2098000700000010",
    "0x80520301, 2098000700000010",
  })
  void anEntryThatDoesNotFitIsAPageFaultOfAnInterrupt(String raw, String event) {
    word2(REMAP | table);
    bench.memory.write64(bench.deviceTable + WORD2 - 8, 7);
    entry(5, Long.decode(raw));
    bench.enabled();
    expectBlocked(5, event);
  }

  @Test
  void supIopfAndIgKeepThatQuiet() {
    word2(REMAP | table);
    entry(0, 2);
    entry(1, 0x0100_0003L);
    bench.enabled();
    assertThat(send(0)).isNull();
    assertThat(send(1)).isNull();
    bench.assertNoEvent();
    expectBlocked(2, "2008000000000010");
    word2(REMAP | table | 1 << 5);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    assertThat(send(2)).isNull();
    bench.assertNoEvent();
  }

  @Test
  void anIndexPastTheTableIsNotLookedUp() {
    // Two entries.
    word2(0x2000_0000_0000_0003L | table);
    entry(1, ENTRY);
    entry(2, ENTRY);
    bench.enabled();
    assertThat(send(1)).isNotNull();
    expectBlocked(2, "2008000000000010");
  }

  /** IntTabLen 1100b, IntCtl 11b, bit 180. */
  @ParameterizedTest
  @CsvSource({
    "0x2000000000000019, 1088000000000010",
    "0x3000000000000013, 1008000000000010",
    "0x2010000000000013, 1088000000000010",
  })
  void anEntryOfTheDeviceTableThatDoesNotFitIsIllegal(String word, String event) {
    word2(Long.decode(word) | table);
    bench.enabled();
    expectBlocked(0, event);
  }

  @Test
  void aTableOutsideMemoryIsAHardwareError() {
    word2(REMAP | 0x4_0000_0000L);
    bench.enabled();
    assertThat(send(1)).isNull();
    assertThat(bench.event()).isEqualTo("4208000000000010 0000000400000004");
  }

  @Test
  void entriesStayUntilTheDevicesTableIsInvalidated() {
    word2(REMAP | table);
    entry(7, ENTRY);
    bench.enabled();
    assertThat(send(7)).isNotNull();
    assertThat(bench.unit.cachedInterruptEntries()).isEqualTo(16);
    entry(7, 0);
    entry(8, ENTRY);
    bench.invalidateDevice(Bench.ID);
    bench.command(0x5000_0000_0000_0000L | Bench.ID + 1, 0);
    bench.sync();
    assertThat(send(7)).as("as it was").isNotNull();
    expectBlocked(8, "2008000000000010");
    invalidateInterrupts();
    assertThat(bench.counters.get(Count.INVALIDATE_INTERRUPT)).isEqualTo(2);
    assertThat(send(8)).isNotNull();
    expectBlocked(7, "2008000000000010");
    bench.assertClean();
  }

  @Test
  void invalidateAllForgetsThemToo() {
    word2(REMAP | table);
    bench.enabled();
    expectBlocked(7, "2008000000000010");
    entry(7, ENTRY);
    bench.command(0x8000_0000_0000_0000L, 0);
    bench.sync();
    assertThat(send(7)).isNotNull();
  }

  @Test
  void anEagerUnitReadsThemAgainByTheEntryThatItHas() {
    Bench eager = new Bench(AmdViConfig.builder().runLag(1).commandLag(1));
    long old = eager.memory.allocatePage();
    long other = eager.memory.allocatePage();
    eager.memory.write(old, 4, ENTRY);
    eager.memory.write64(eager.deviceTable + WORD2, REMAP | old);
    eager.enabled();
    assertThat(eager.unit.interrupt(Bench.DEVICE, ADDRESS, 0)).isNotNull();
    eager.memory.write64(eager.deviceTable + WORD2, REMAP | other);
    // The wrong order: the old table comes back.
    eager.command(0x5000_0000_0000_0000L | Bench.ID, 0);
    eager.invalidateDevice(Bench.ID);
    eager.sync();
    assertThat(eager.unit.interrupt(Bench.DEVICE, ADDRESS, 0)).isNotNull();
    eager.command(0x5000_0000_0000_0000L | Bench.ID, 0);
    eager.sync();
    assertThat(eager.unit.interrupt(Bench.DEVICE, ADDRESS, 0)).isNull();
  }

  @Test
  void freeingATableThatIsKnownIsMisuse() {
    word2(REMAP | table);
    bench.enabled();
    expectBlocked(0, "2008000000000010");
    word2(1);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.assertClean();
    bench.memory.free(table, 4096);
    bench.assertOnly(AmdViRule.INTERRUPT_TABLE_FREED);
    long next = bench.memory.allocatePage();
    invalidateInterrupts();
    bench.memory.free(next, 4096);
    bench.assertClean();
  }

  @Test
  void aTableIsKnownByItsDeviceTableEntryAlone() {
    word2(REMAP | table);
    bench.enabled();
    bench.dma(0x1000, true);
    bench.memory.free(table, 4096);
    bench.assertOnly(AmdViRule.INTERRUPT_TABLE_FREED);
  }

  @Test
  void anEntryChangesByOneStore() {
    word2(REMAP | table);
    bench.enabled();
    expectBlocked(0, "2008000000000010");
    entry(1, ENTRY);
    bench.memory.write64(table, 0);
    bench.assertClean();
    bench.memory.write(table + 1, 1, 3);
    bench.assertClean();
    bench.memory.write(table, 1, 1);
    bench.assertOnly(AmdViRule.INTERRUPT_ENTRY_NARROW);
  }
}
