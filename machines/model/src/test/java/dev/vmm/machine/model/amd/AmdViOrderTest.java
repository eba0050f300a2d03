package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A unit that keeps no order but what software asks for. */
class AmdViOrderTest {
  private static final long WAIT = 0x1000_0000_0000_0001L;
  private static final long WAIT_F = 0x1000_0000_0000_0004L;
  private static final long IOVA = 0x5000;
  private static final int DOMAIN = 7;

  private final Bench bench = loose(1);

  private static Bench loose(int commandLag) {
    return new Bench(AmdViConfig.builder().runLag(1).commandLag(commandLag).looseOrder(true))
        .enabled();
  }

  /** Returns a table of one level that leads {@link #IOVA} to a page of its own. */
  private long table(Bench of) {
    long table = of.memory.allocatePage();
    of.memory.write64(table + 8 * (IOVA >>> 12), Bench.pte(of.memory.allocatePage()));
    return table;
  }

  private static long page(Bench of, long table) {
    return of.memory.read64(table + 8 * (IOVA >>> 12)) & 0xf_ffff_ffff_f000L;
  }

  /** Leads the device from one table to another, with the invalidations in the book's order. */
  private long movedTo(Bench of, boolean held) {
    long old = table(of);
    of.attach(1, old, DOMAIN);
    of.invalidateDevice(Bench.ID);
    of.sync();
    assertThat(of.dma(IOVA, true)).isEqualTo(page(of, old));
    long now = table(of);
    of.attach(1, now, DOMAIN);
    of.invalidateDevice(Bench.ID);
    if (held) {
      of.command(WAIT_F, 0);
    }
    of.invalidateDomain(DOMAIN);
    of.sync();
    of.assertClean();
    return of.dma(IOVA, true) == page(of, now) ? now : old;
  }

  @Test
  void pagesAreForgottenBeforeTheEntryUnlessAWaitHoldsThemBack() {
    assertThat(page(bench, movedTo(bench, true))).isEqualTo(bench.dma(IOVA, true));
    Bench unheld = loose(1);
    long reached = movedTo(unheld, false);
    assertThat(unheld.dma(IOVA, true)).isEqualTo(page(unheld, reached));
    long entry = unheld.memory.read64(unheld.deviceTable + 32L * Bench.ID);
    assertThat(reached).as("the old table").isNotEqualTo(entry & 0xf_ffff_ffff_f000L);
  }

  @Test
  void aStrictUnitForgetsThemInTheOrderInWhichItIsTold() {
    Bench strict =
        new Bench(AmdViConfig.builder().runLag(1).commandLag(1).looseOrder(false)).enabled();
    long reached = movedTo(strict, false);
    long entry = strict.memory.read64(strict.deviceTable + 32L * Bench.ID);
    assertThat(reached).isEqualTo(entry & 0xf_ffff_ffff_f000L);
  }

  @Test
  void theHeadMovesBeforeTheCommandIsDone() {
    Bench late = loose(3);
    late.command(WAIT | late.semaphore, 5);
    assertThat(late.unit.read(0x2000, 8)).isEqualTo(0x10);
    assertThat(late.memory.deviceRead64(late.semaphore)).isZero();
    late.unit.read(0x2000, 8);
    late.unit.read(0x2000, 8);
    assertThat(late.memory.deviceRead64(late.semaphore)).isEqualTo(5);
    late.assertClean();
  }

  /** Two waits for one word: were the second first, the word would be 1. */
  @ParameterizedTest
  @ValueSource(longs = {0, 4})
  void waitsKeepTheirOrderWithWhatIsBetweenThem(long f) {
    bench.command(WAIT | f | bench.semaphore, 1);
    bench.invalidateDomain(DOMAIN);
    bench.command(WAIT | bench.semaphore, 2);
    for (int i = 0; i < 3; i++) {
      bench.unit.read(0x2020, 8);
    }
    assertThat(bench.memory.deviceRead64(bench.semaphore)).isEqualTo(2);
    assertThat(bench.unit.read(0x2000, 8)).isEqualTo(0x30);
    bench.assertClean();
  }

  @Test
  void anIllegalCommandStopsTheBufferAfterThoseBeforeItAreDone() {
    bench.command(WAIT | bench.semaphore, 9);
    bench.command(0xf000_0000_0000_0000L, 0);
    bench.unit.read(0x2020, 8);
    bench.unit.read(0x2020, 8);
    assertThat(bench.memory.deviceRead64(bench.semaphore)).isEqualTo(9);
    assertThat(bench.unit.read(0x2020, 8) & 0x10).isZero();
    assertThat(bench.unit.read(0x2000, 8)).as("the head stays at it").isEqualTo(0x10);
    bench.assertOnly(AmdViRule.COMMAND_UNKNOWN);
  }

  @Test
  void theTailOfTheEventLogMovesBeforeTheEventIsThere() {
    bench.dte(Bench.ID, 3, 0);
    bench.assertBlocked(IOVA, true);
    assertThat(bench.unit.read(0x2018, 8)).isEqualTo(0x10);
    assertThat(bench.memory.read64(bench.events)).as("the first look").isZero();
    assertThat(bench.memory.read64(bench.events) >>> 60).as("the second").isNotZero();
    bench.assertBlocked(IOVA, false);
    assertThat(bench.memory.read64(bench.events + 16)).isZero();
    assertThat(bench.memory.read64(bench.events + 16) >>> 60).isNotZero();
    bench.assertClean();
  }

  @Test
  void eventsAreAllThereWhenTheLogHasStopped() {
    bench.dte(Bench.ID, 3, 0);
    bench.assertBlocked(IOVA, true);
    bench.assertBlocked(IOVA, true);
    bench.unit.write(0x18, 8, 0x1001);
    bench.unit.read(0x2020, 8);
    assertThat(bench.memory.read64(bench.events) >>> 60).isNotZero();
    assertThat(bench.memory.read64(bench.events + 16) >>> 60).isNotZero();
    bench.assertClean();
  }
}
