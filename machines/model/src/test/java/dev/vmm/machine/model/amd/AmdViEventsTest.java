package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.check.Count;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AmdViEventsTest {
  private static final long DTE = 32L * Bench.ID;

  private final Bench bench = Bench.lazy();

  private void entry(int word, long value) {
    bench.memory.write64(bench.deviceTable + DTE + 8L * word, value);
  }

  @Test
  void anEntryThatIsNotValidLetsEverythingPass() {
    entry(0, 2);
    bench.enabled();
    assertThat(bench.dma(0x1_2345_6789L, true)).isEqualTo(0x1_2345_6789L);
    bench.assertNoEvent();
  }

  @ParameterizedTest
  @CsvSource({
    "0x1, false, 2000123400000010",
    "0x1, true, 2020123400000010",
    "0x3, false, 2050123400000010",
    "0x3, true, 2070123400000010",
    "0x2000000000000003, true, 2070123400000010",
    "0x4000000000000003, false, 2050123400000010",
  })
  void withoutTablesTheRightsOfTheEntryDecide(String word, boolean write, String event) {
    entry(0, Long.decode(word));
    entry(1, 0x1234);
    bench.enabled();
    bench.assertBlocked(0xabcdef0123L, write);
    assertThat(bench.event()).isEqualTo(event + " 000000abcdef0123");
    bench.assertClean();
  }

  @Test
  void modeZeroPassesWhatTheEntryAllows() {
    entry(0, 0x2000_0000_0000_0003L);
    bench.enabled();
    assertThat(bench.dma(0x123456789abcL, false)).isEqualTo(0x123456789abcL);
  }

  @Test
  void aPageFaultSaysWhetherThePageIsPresentAndWhatWasTried() {
    long table = bench.memory.allocatePage();
    bench.memory.write64(table + 8, 0x2000_0000_0000_0001L | 0x5000);
    bench.attach(1, table, 0xbeef);
    bench.enabled();
    bench.assertBlocked(0x1ffc, true);
    assertThat(bench.event()).isEqualTo("2070beef00000010 0000000000001ffc");
    bench.assertBlocked(0x2004, true);
    assertThat(bench.event()).isEqualTo("2020beef00000010 0000000000002004");
    bench.assertBlocked(0x2004, false);
    assertThat(bench.event()).isEqualTo("2000beef00000010 0000000000002004");
    bench.assertBlocked(0x20_1000, false);
    assertThat(bench.event()).isEqualTo("2000beef00000010 0000000000201000");
    assertThat(bench.dma(0x1ffc, false)).isEqualTo(0x5ffc);
    bench.assertNoEvent();
    assertThat(bench.counters.get(Count.FAULT_RECORDED)).isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0x4",
    "0, 0x40",
    "0, 0x80",
    "0, 0x100",
    "0, 0x10000000000000",
    "0, 0x80000000000000",
    "0, 0x100000000000000",
    "0, 0x1000000000000000",
    "1, 0x40000000000",
    "1, 0x80000000000",
    "1, 0x10000",
    "1, 0x80000000",
  })
  void reservedBitsMakeAnEntryIllegal(int word, String bit) {
    entry(1, word == 1 ? Long.decode(bit) : 0);
    entry(0, 0x6000_0000_0000_0003L | (word == 0 ? Long.decode(bit) : 0));
    bench.enabled();
    bench.assertBlocked(0x1007, true);
    assertThat(bench.event()).isEqualTo("10a0000000000010 0000000000001004");
    bench.assertClean();
  }

  @Test
  void reservedBitsOfAnEntryThatIsNotValidDoNotMatter() {
    entry(0, 0x7c);
    bench.enabled();
    assertThat(bench.dma(0x1000, false)).isEqualTo(0x1000);
  }

  @Test
  void aDeviceBeyondTheTableIsAPageFaultOfNothingPresent() {
    bench.enabled();
    assertThat(bench.unit.translate(Rid.of(0, 127), 0x1000, false)).isEqualTo(0x1000);
    assertThat(bench.unit.translate(Rid.of(0, 128), 0x1000, false)).isEqualTo(-1);
    assertThat(bench.event()).isEqualTo("2000000000000080 0000000000001000");
  }

  @Test
  void aDeviceTableOutsideMemoryIsAHardwareError() {
    bench.unit.write(0x10, 8, bench.events | 8L << 56);
    bench.unit.write(0x00, 8, 0x4_0000_0000L);
    bench.unit.write(0x18, 8, 0x1005);
    bench.unit.read(0x2020, 8);
    bench.assertBlocked(0x1000, true);
    assertThat(bench.event()).isEqualTo("3220000000000010 0000000400000200");
    assertThat(bench.unit.read(0x48, 8)).isEqualTo(0x4_0000_0200L);
  }

  @Test
  void saSuppressesAllPageFaultsAndSeAllButTheFirst() {
    entry(1, 1L << 34);
    entry(0, 3);
    bench.enabled();
    bench.assertBlocked(0x1000, true);
    bench.assertNoEvent();
    entry(1, 1L << 33);
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.assertBlocked(0x1000, true);
    bench.assertBlocked(0x2000, true);
    assertThat(bench.event()).endsWith("0000000000001000");
    bench.assertNoEvent();
    bench.invalidateDevice(Bench.ID);
    bench.sync();
    bench.assertBlocked(0x3000, true);
    assertThat(bench.event()).endsWith("0000000000003000");
  }

  @ParameterizedTest
  @CsvSource({
    "0x0, true, pass",
    "0x1, true, 8a00000000000010",
    "0x1000000000000001, true, pass",
    "0x2000000000000001, true, pass",
    "0x3000000000000001, true, 1008000000000010",
    "0x1000000000000019, true, 1088000000000010",
    "0x1010000000000001, true, 1088000000000010",
    "0x1000000000000017, true, pass",
    "0x0, false, 8000000000000010",
  })
  void writesToTheInterruptRangeGoAsTheInterruptFieldsSay(
      String word2, boolean write, String outcome) {
    entry(2, Long.decode(word2));
    entry(0, 3);
    bench.enabled();
    long hpa = bench.dma(0xfee0_1000L, write);
    if (outcome.equals("pass")) {
      assertThat(hpa).isEqualTo(0xfee0_1000L);
      bench.assertNoEvent();
    } else {
      assertThat(hpa).isEqualTo(-1);
      assertThat(bench.event()).isEqualTo(outcome + " 00000000fee01000");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0xfd00000000, false, 8000000000000010",
    "0xfd00000000, true, 8c00000000000010",
    "0xfdf7ffffff, true, 8c00000000000010",
    "0xfdf8000000, true, pass",
    "0xfdf8000000, false, 8000000000000010",
    "0xfdf9000000, true, 8600000000000010",
    "0xfdf9000000, false, 8800000000000010",
    "0xfdf9100000, true, 8600000000000010",
    "0xfdf9100000, false, 8800000000000010",
    "0xfdf9200000, true, 8600000000000010",
    "0xfdfc000000, true, 8400000000000010",
    "0xfdfe000000, true, 8600000000000010",
    "0xfe00000000, true, 8600000000000010",
    "0xffffffffff, false, 8800000000000010",
    "0xfcffffffff, true, translated",
    "0xfdfb000000, true, translated",
    "0x10000000000, true, translated",
    "0xfffd00000000, true, translated",
  })
  void theHyperTransportRangeIsNoMemory(String iova, boolean write, String outcome) {
    // A table of level 4 whose every entry is one page of 512 GiB.
    long root = bench.memory.allocatePage();
    for (int i = 0; i < 512; i++) {
      bench.memory.write64(root + 8 * i, Bench.pte((long) i << 39));
    }
    bench.attach(4, root, 5);
    bench.enabled();
    long at = Long.decode(iova);
    long hpa = bench.dma(at, write);
    if (outcome.equals("pass") || outcome.equals("translated")) {
      assertThat(hpa).isEqualTo(at);
      assertThat(bench.unit.cachedTranslations()).isEqualTo(outcome.equals("pass") ? 0 : 1);
      bench.assertNoEvent();
    } else {
      assertThat(hpa).isEqualTo(-1);
      assertThat(bench.event()).isEqualTo(outcome + String.format(" %016x", at));
    }
    bench.assertClean();
  }

  @Test
  void portIoAndSystemManagementGoAsTheEntrySays() {
    long root = bench.memory.allocatePage();
    bench.memory.write64(root + 8, Bench.pte(1L << 39));
    bench.dte(Bench.ID, Bench.READ_WRITE | root | 4 << 9 | 3, 1L << 35 | 1L << 40);
    bench.enabled();
    assertThat(bench.dma(0xfdfc001000L, true)).isEqualTo(0xfdfc001000L);
    assertThat(bench.dma(0xfdf9101000L, true)).isEqualTo(0xfdf9101000L);
    bench.assertBlocked(0xfdf9101000L, false);
    assertThat(bench.event()).startsWith("8800000000000010 ");
    assertThat(bench.unit.cachedTranslations()).isZero();
  }

  /** IoCtl=10b and SysMgt=11b translate, for which TV must be 1. */
  @ParameterizedTest
  @CsvSource({"0xfdfc001000", "0xfdf9101000"})
  void whatWouldBeTranslatedIsRefusedWithoutTables(String iova) {
    bench.dte(Bench.ID, Bench.READ_WRITE | 1, 2L << 35 | 3L << 40);
    bench.enabled();
    bench.assertBlocked(Long.decode(iova), true);
    assertThat(bench.event()).isEqualTo("8e00000000000010 000000" + iova.substring(2));
    bench.assertClean();
  }

  @Test
  void theExclusionRangePassesForDevicesWithExAndForAllUnderAllow() {
    entry(1, 1L << 39);
    entry(0, 3);
    bench.memory.write64(bench.deviceTable + 32 * 0x18, 3);
    Rid other = new Rid(0, 0, 3, 0);
    bench.unit.write(0x20, 8, 0x10000 | 1);
    bench.unit.write(0x28, 8, 0x11000);
    bench.enabled();
    assertThat(bench.dma(0x10000, true)).isEqualTo(0x10000);
    assertThat(bench.dma(0x11fff, true)).isEqualTo(0x11fff);
    bench.assertBlocked(0x0ffff, true);
    bench.assertBlocked(0x12000, true);
    assertThat(bench.unit.translate(other, 0x10000, true)).isEqualTo(-1);
    bench.unit.write(0x20, 8, 0x10000 | 3);
    assertThat(bench.unit.translate(other, 0x10000, true)).isEqualTo(0x10000);
    bench.unit.write(0x20, 8, 0x10000 | 2);
    bench.assertBlocked(0x10000, true);
    bench.assertClean();
  }

  @Test
  void theLogWrapsAndAFullOneOverflowsAndStops() {
    entry(0, 3);
    bench.enabled();
    for (int i = 0; i < 300; i++) {
      bench.assertBlocked(i * 0x1000L, false);
      assertThat(bench.event()).endsWith(String.format(" %016x", i * 0x1000L));
    }
    assertThat(bench.unit.read(0x2018, 8)).isEqualTo(300 * 16 % 4096);
    for (int i = 0; i < 255; i++) {
      bench.assertBlocked(i * 0x1000L, false);
    }
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x1a);
    bench.assertBlocked(0, false);
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x13);
    assertThat(bench.counters.get(Count.FAULT_DROPPED)).isEqualTo(1);
    for (int i = 0; i < 255; i++) {
      assertThat(bench.event()).endsWith(String.format(" %016x", i * 0x1000L));
    }
    bench.assertNoEvent();
    bench.assertBlocked(0, false);
    bench.assertNoEvent();
    bench.assertClean();
  }

  @Test
  void anOverflownLogStartsAgainOnceOverflowIsClearedAndEventLogEnIsWritten() {
    entry(0, 3);
    bench.enabled();
    for (int i = 0; i < 256; i++) {
      bench.assertBlocked(0, false);
    }
    bench.unit.write(0x18, 8, 0x1001);
    bench.unit.write(0x18, 8, 0x1005);
    assertThat(bench.unit.read(0x2020, 8) & 9).isEqualTo(1);
    bench.unit.write(0x2020, 8, 1);
    assertThat(bench.unit.read(0x2020, 8) & 9).isEqualTo(0);
    bench.unit.write(0x18, 8, 0x1001);
    bench.unit.write(0x2010, 8, bench.unit.read(0x2018, 8));
    bench.unit.write(0x18, 8, 0x1005);
    assertThat(bench.unit.read(0x2020, 8) & 9).isEqualTo(8);
    bench.assertBlocked(0x7000, false);
    assertThat(bench.event()).isEqualTo("2050000000000010 0000000000007000");
    bench.assertClean();
  }

  @Test
  void anOverflownLogDoesNotResumeUntilEventLogEnWas0() {
    entry(0, 3);
    bench.enabled();
    for (int i = 0; i < 256; i++) {
      bench.assertBlocked(0, false);
    }
    bench.unit.write(0x2010, 8, bench.unit.read(0x2018, 8));
    bench.unit.write(0x2020, 8, 1);
    bench.unit.write(0x18, 8, 0x1005);
    assertThat(bench.unit.read(0x2020, 8) & 9).isZero();
    bench.unit.write(0x18, 8, 0x1001);
    bench.unit.write(0x18, 8, 0x1005);
    assertThat(bench.unit.read(0x2020, 8) & 9).isEqualTo(8);
    bench.assertClean();
  }

  @Test
  void eventLogIntIsClearedByWritingOneAndInterruptsOncePerRise() {
    entry(0, 3);
    bench.enabled();
    bench.msi(true, 0xfee00000L, 0x42);
    bench.unit.write(0x18, 8, 0x100d);
    bench.assertBlocked(0, false);
    bench.assertBlocked(0, false);
    assertThat(bench.messages).containsExactly(0xfee00042L);
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x1a);
    bench.unit.write(0x2020, 8, 2);
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x18);
    bench.assertBlocked(0, false);
    assertThat(bench.messages).hasSize(2);
    bench.msi(false, 0xfee00000L, 0x42);
    bench.unit.write(0x2020, 8, 2);
    bench.assertBlocked(0, false);
    assertThat(bench.messages).hasSize(2);
  }

  @Test
  void aFaultBeforeTheLogRunsIsWrittenWhenItDoesAndWithoutALogItIsLost() {
    Bench late = new Bench(AmdViConfig.builder().runLag(2));
    late.memory.write64(late.deviceTable + DTE, 3);
    late.unit.write(0x00, 8, late.deviceTable);
    late.unit.write(0x10, 8, late.events | 8L << 56);
    late.unit.write(0x18, 8, 0x1);
    late.assertBlocked(0x1000, false);
    late.unit.write(0x18, 8, 0x5);
    late.assertBlocked(0x2000, false);
    assertThat(late.unit.read(0x2018, 8)).isZero();
    assertThat(late.unit.read(0x2018, 8)).isEqualTo(0x10);
    assertThat(late.event()).endsWith("0000000000002000");
    assertThat(late.counters.get(Count.FAULT_DROPPED)).isOne();
  }

  @ParameterizedTest
  @ValueSource(longs = {0x0800_0000_0000_0000L, 0x0c00_0000_0000_0000L})
  void theLengthOfTheLogIsWhatEventLenSays(long length) {
    int entries = length == 0x0800_0000_0000_0000L ? 256 : 4096;
    long log = bench.memory.allocate(16L * entries, 4096);
    entry(0, 3);
    bench.enabled();
    bench.unit.write(0x18, 8, 1);
    bench.unit.read(0x2020, 8);
    bench.unit.write(0x10, 8, log | length);
    bench.unit.write(0x18, 8, 5);
    bench.unit.read(0x2020, 8);
    for (int i = 0; i < entries - 1; i++) {
      bench.assertBlocked(0, false);
    }
    assertThat(bench.unit.read(0x2018, 8)).isEqualTo(16L * (entries - 1));
    assertThat(bench.unit.read(0x2020, 8) & 1).isZero();
    bench.assertBlocked(0, false);
    assertThat(bench.unit.read(0x2020, 8) & 1).isOne();
    bench.assertClean();
  }
}
