package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.machine.model.memory.Visibility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AmdViCommandsTest {
  private static final long WAIT = 0x1000_0000_0000_0001L;

  private final Bench bench = Bench.lazy().enabled();

  private void assertStopped(Bench stopped) {
    assertThat(stopped.unit.read(0x2020, 8) & 0x10).isZero();
  }

  private static void restart(Bench stopped) {
    stopped.unit.write(0x18, 8, 0x0005);
    stopped.unit.write(0x18, 8, 0x1005);
    stopped.unit.read(0x2020, 8);
  }

  @Test
  void nothingHappensUntilTheKthPoll() {
    Bench late = new Bench(AmdViConfig.builder().commandLag(3)).enabled();
    late.command(WAIT | late.semaphore, 0x1122334455667788L);
    for (int i = 0; i < 10; i++) {
      assertThat(late.memory.deviceRead64(late.semaphore)).isZero();
      assertThat(late.unit.read(0x18, 8)).isEqualTo(0x1005);
    }
    assertThat(late.unit.read(0x2000, 8)).isZero();
    assertThat(late.unit.read(0x2020, 8) & 4).isZero();
    assertThat(late.unit.read(0x2000, 8)).isEqualTo(0x10);
    assertThat(late.memory.read64(late.semaphore)).isEqualTo(0x1122334455667788L);
    late.assertClean();
  }

  @Test
  void aLoadOfTheAwaitedWordIsAPollAndLaterOnesAreNot() {
    Bench late = new Bench(AmdViConfig.builder().commandLag(2)).enabled();
    late.command(WAIT | late.semaphore, 5);
    assertThat(late.memory.read64(late.semaphore)).isZero();
    assertThat(late.memory.read64(late.semaphore + 8)).isZero();
    assertThat(late.memory.read64(late.semaphore)).isEqualTo(5);
    late.memory.write64(late.semaphore, 0);
    late.command(WAIT | late.semaphore + 64, 5);
    for (int i = 0; i < 5; i++) {
      assertThat(late.memory.read64(late.semaphore)).isZero();
    }
    assertThat(late.memory.deviceRead64(late.semaphore + 64)).isZero();
    late.assertClean();
  }

  @Test
  void twoWaitsForOneWordAreBothDone() {
    bench.command(WAIT | bench.semaphore, 1);
    bench.command(WAIT | bench.semaphore, 2);
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(2);
    assertThat(bench.counters.get(Count.INVALIDATE_WAIT)).isEqualTo(2);
    bench.command(WAIT | bench.semaphore, 3);
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(3);
  }

  @Test
  void theBufferWraps() {
    for (int i = 0; i < 600; i++) {
      bench.command(WAIT | bench.semaphore, i + 1);
      assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(i + 1);
    }
    assertThat(bench.unit.read(0x2000, 8)).isEqualTo(600 * 16 % 4096);
    bench.assertClean();
  }

  @Test
  void aWaitWithIRaisesComWaitIntOnceUntilItIsCleared() {
    bench.msi(true, 0xfee00000L, 0x41);
    bench.unit.write(0x18, 8, 0x1015);
    bench.command(0x1000_0000_0000_0002L, 0);
    bench.command(0x1000_0000_0000_0002L, 0);
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x1c);
    assertThat(bench.messages).containsExactly(0xfee00041L);
    bench.unit.write(0x2020, 8, 0x18);
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x1c);
    bench.unit.write(0x2020, 8, 0x4);
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x18);
    bench.command(0x1000_0000_0000_0006L, 0);
    assertThat(bench.unit.read(0x2020, 8)).isEqualTo(0x1c);
    assertThat(bench.messages).hasSize(2);
    bench.assertClean();
  }

  @ParameterizedTest
  @CsvSource({
    "0x0000000000000000, 0, COMMAND_UNKNOWN",
    "0x7000000000000000, 0, COMMAND_UNKNOWN",
    "0x9000000000000000, 0, COMMAND_UNKNOWN",
    "0xf000000000000000, 0, COMMAND_UNKNOWN",
    "0x1010000000000000, 0, COMMAND_RESERVED_BITS",
    "0x2000000000010010, 0, COMMAND_RESERVED_BITS",
    "0x2000000100000010, 0, COMMAND_RESERVED_BITS",
    "0x2000000000000010, 1, COMMAND_RESERVED_BITS",
    "0x3001000000000000, 0, COMMAND_RESERVED_BITS",
    "0x3000000000000001, 0, COMMAND_RESERVED_BITS",
    "0x3000000000000000, 4, COMMAND_RESERVED_BITS",
    "0x3000000000000000, 8, COMMAND_RESERVED_BITS",
    "0x4000000000010000, 0, COMMAND_RESERVED_BITS",
    "0x4000000000000000, 2, COMMAND_RESERVED_BITS",
    "0x5000000000000000, 1, COMMAND_RESERVED_BITS",
    "0x6000000100000000, 0, COMMAND_RESERVED_BITS",
    "0x8000000000000001, 0, COMMAND_RESERVED_BITS",
    "0x8000000000000000, 1, COMMAND_RESERVED_BITS",
  })
  void anIllegalCommandStopsTheBufferAtItself(String low, String high, AmdViRule rule) {
    bench.command(WAIT | bench.semaphore, 1);
    bench.command(Long.parseUnsignedLong(low.substring(2), 16), Long.decode(high));
    bench.command(WAIT | bench.semaphore, 2);
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(1);
    assertStopped(bench);
    assertThat(bench.unit.read(0x2000, 8)).isEqualTo(0x10);
    assertThat(bench.event())
        .isEqualTo(String.format("5000000000000000 %016x", bench.commands + 16));
    bench.assertOnly(rule);
    bench.unit.write(0x18, 8, 0x1005);
    assertStopped(bench);
    bench.memory.write64(bench.commands + 16, WAIT | bench.semaphore);
    restart(bench);
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(2);
    bench.assertClean();
  }

  @ParameterizedTest
  @CsvSource({"0x4000000000000010, 0", "0x6000000000000010, 0", "0x8000000000000000, 0"})
  void aCommandOfAnAbsentFeatureIsIllegal(String low, long high) {
    Bench poor =
        new Bench(
                AmdViConfig.builder()
                    .deviceTlbs(false)
                    .prefetch(false)
                    .invalidateAll(false)
                    .commandLag(1)
                    .runLag(1))
            .enabled();
    poor.command(Long.parseUnsignedLong(low.substring(2), 16), high);
    assertStopped(poor);
    poor.assertOnly(AmdViRule.COMMAND_UNKNOWN);
    bench.command(Long.parseUnsignedLong(low.substring(2), 16), high);
    assertThat(bench.unit.read(0x2000, 8)).isEqualTo(0x10);
    bench.assertClean();
  }

  @Test
  void aStoreOutsideMemoryIsACommandHardwareError() {
    bench.command(0x1000_0000_0000_0001L | 0x4_0000_0000L, 1);
    bench.unit.read(0x2000, 8);
    assertStopped(bench);
    assertThat(bench.event()).isEqualTo("6200000000000000 0000000400000000");
    assertThat(bench.unit.read(0x50, 8)).isEqualTo(1);
  }

  @Test
  void aBufferOutsideMemoryIsACommandHardwareError() {
    Bench far = Bench.lazy();
    far.unit.write(0x10, 8, far.events | 8L << 56);
    far.unit.write(0x08, 8, 0x4_0000_0000L | 8L << 56);
    far.unit.write(0x18, 8, 0x1005);
    far.unit.read(0x2020, 8);
    far.unit.write(0x2008, 8, 0x10);
    far.unit.read(0x2000, 8);
    assertStopped(far);
    assertThat(far.event()).isEqualTo("6200000000000000 0000000400000000");
  }

  @Test
  void moreCommandsThanThereIsRoomForAreMisuse() {
    for (int i = 0; i < 255; i++) {
      bench.command(0x1000_0000_0000_0000L, 0);
    }
    bench.assertClean();
    bench.unit.write(0x2008, 8, 0x10);
    bench.assertOnly(AmdViRule.COMMAND_BUFFER_OVERRUN);
  }

  @Test
  void aBufferAtRestMayBeGivenAnyTail() {
    Bench resting = Bench.lazy();
    resting.unit.write(0x08, 8, resting.commands | 8L << 56);
    resting.unit.write(0x2008, 8, 0x40);
    resting.unit.write(0x2008, 8, 0x10);
    resting.unit.write(0x2008, 8, 0);
    resting.assertClean();
  }

  @Test
  void aPromptUnitInvalidatesBeforeSoftwareWaitsAndCompletesNoEarlier() {
    Bench prompt = new Bench(AmdViConfig.builder().promptCommands(true).runLag(1).commandLag(2));
    long table = prompt.memory.allocatePage();
    prompt.memory.write64(table + 8, Bench.pte(0x9000));
    prompt.attach(1, table, 7);
    prompt.enabled();
    assertThat(prompt.dma(0x1000, true)).isEqualTo(0x9000);
    prompt.invalidatePages(7, 0x1000);
    assertThat(prompt.counters.get(Count.INVALIDATE_IOTLB_PAGE)).isOne();
    // Too late: what was invalidated is back.
    prompt.memory.write64(table + 8, 0);
    prompt.command(WAIT | prompt.semaphore, 1);
    assertThat(prompt.memory.read64(prompt.semaphore)).isZero();
    assertThat(prompt.memory.read64(prompt.semaphore)).isEqualTo(1);
    assertThat(prompt.dma(0x1000, true)).isEqualTo(0x9000);
    prompt.invalidatePages(7, 0x1000);
    prompt.assertBlocked(0x1000, true);
    prompt.assertClean();
  }

  @Test
  void aCommandChangedAfterItWasHandedOverIsMisuse() {
    bench.memory.write64(bench.commands + 16, 1);
    bench.command(0x1000_0000_0000_0000L, 0);
    bench.assertClean();
    bench.memory.write64(bench.commands + 8, 1);
    bench.assertOnly(AmdViRule.COMMAND_CHANGED);
    bench.unit.read(0x2000, 8);
    bench.memory.write64(bench.commands + 8, 2);
    bench.assertClean();
  }

  @ParameterizedTest
  @ValueSource(strings = {"LOSE", "FAIL", "DELAY"})
  void aCompletionThatIsMadeToFailIsNotSeen(Effect effect) {
    bench.injector.nth(Operation.COMPLETION, effect, 1);
    bench.command(WAIT | bench.semaphore, 1);
    for (int i = 0; i < 10; i++) {
      assertThat(bench.memory.read64(bench.semaphore)).isZero();
    }
    if (effect == Effect.FAIL) {
      assertStopped(bench);
      assertThat(bench.event()).isEqualTo(String.format("6200000000000000 %016x", bench.commands));
    } else {
      bench.assertNoEvent();
    }
    for (int i = 0; i < 100; i++) {
      bench.unit.read(0x2000, 8);
    }
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(effect == Effect.DELAY ? 1 : 0);
    restart(bench);
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(1);
    bench.assertClean();
  }

  @Test
  void aDelayedCommandIsDelayedOnce() {
    bench.injector.from(Operation.COMPLETION, Effect.DELAY, 1);
    bench.command(WAIT | bench.semaphore, 1);
    for (int i = 0; i < 100; i++) {
      bench.unit.read(0x2000, 8);
    }
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(1);
    assertThat(bench.injector.count(Operation.COMPLETION)).isEqualTo(1);
  }

  @Test
  void anOlderWaitForTheSameWordLeavesTheNewerOneWatched() {
    bench.injector.nth(Operation.COMPLETION, Effect.DELAY, 2);
    bench.command(WAIT | bench.semaphore, 1);
    bench.command(WAIT | bench.semaphore, 2);
    for (int i = 0; i < 100 && bench.memory.read64(bench.semaphore) != 2; i++) {}
    assertThat(bench.memory.read64(bench.semaphore)).isEqualTo(2);
  }

  @Test
  void aDeviceTlbThatDoesNotAnswerTimesOut() {
    bench.injector.nth(Operation.COMPLETION, Effect.FAIL, 1);
    bench.command(0x4000_0000_0000_0010L, 0x7fff_ffff_ffff_f001L);
    bench.unit.read(0x2000, 8);
    assertStopped(bench);
    assertThat(bench.event()).isEqualTo(String.format("7000000000000010 %016x", bench.commands));
  }

  @Test
  void aUnitThatDoesNotSnoopSeesCommandsOnlyOnceFlushed() {
    Bench stale =
        new Bench(
            AmdViConfig.builder().coherent(false).runLag(1).commandLag(1), Visibility.NON_COHERENT);
    stale.memory.flushCache(stale.commands, 4096);
    stale.enabled();
    stale.memory.write64(stale.commands, WAIT | stale.semaphore);
    stale.memory.write64(stale.commands + 8, 1);
    stale.memory.flushCache(stale.commands, 16);
    stale.unit.write(0x2008, 8, 0x10);
    assertThat(stale.memory.read64(stale.semaphore)).isEqualTo(1);
    stale.command(0, 0);
    stale.command(WAIT | stale.semaphore, 2);
    stale.unit.read(0x2000, 8);
    assertStopped(stale);
    stale.assertOnly(AmdViRule.COMMAND_UNKNOWN);
  }

  @Test
  void everyInvalidationIsCountedByItsKind() {
    bench.invalidateDevice(0x10);
    bench.invalidatePages(7, 0x5000);
    bench.invalidateDomain(7);
    bench.command(0x4000_0000_0000_0010L, 0x5000);
    bench.command(0x5000_0000_0000_0010L, 0);
    bench.sync();
    assertThat(bench.counters.get(Count.INVALIDATE_CONTEXT_DEVICE)).isOne();
    assertThat(bench.counters.get(Count.INVALIDATE_IOTLB_PAGE)).isOne();
    assertThat(bench.counters.get(Count.INVALIDATE_IOTLB_DOMAIN)).isOne();
    assertThat(bench.counters.get(Count.INVALIDATE_DEVICE_TLB)).isOne();
    assertThat(bench.counters.get(Count.INVALIDATE_INTERRUPT)).isOne();
    assertThat(bench.counters.get(Count.INVALIDATE_WAIT)).isOne();
    bench.command(0x8000_0000_0000_0000L, 0);
    bench.sync();
    assertThat(bench.counters.get(Count.INVALIDATE_CONTEXT_GLOBAL)).isOne();
    assertThat(bench.counters.get(Count.INVALIDATE_IOTLB_GLOBAL)).isOne();
    bench.assertClean();
  }
}
