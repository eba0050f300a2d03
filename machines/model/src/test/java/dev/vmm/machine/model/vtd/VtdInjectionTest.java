package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.BLOCKED;
import static dev.vmm.machine.model.vtd.Rig.DEV;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands and invalidations that come late or never. Software that gave up may go on. */
class VtdInjectionTest {
  private static final int GSTS = 0x1c;
  private static final int LATE = 5;

  private final Rig rig = new Rig(VtdConfig.builder().delayedPolls(LATE).build());
  private long slot;

  @BeforeEach
  void begin() {
    long top = rig.page();
    slot = rig.slot(top, 4, 0x7000, 1);
    rig.store(slot, 0x5003);
    rig.attach(DEV, 7, top);
  }

  @AfterEach
  void nothingWasBroken() {
    rig.clean();
    assertThat(rig.injector.fired()).isTrue();
  }

  private void live() {
    rig.start();
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
  }

  /** Returns on which read a bit has its value, 0 if on none of 50. */
  private int reads(int offset, int width, long bit, boolean set) {
    for (int i = 1; i <= 50; i++) {
      if (((rig.unit.read(offset, width) & bit) != 0) == set) {
        return i;
      }
    }
    return 0;
  }

  @ParameterizedTest
  @EnumSource(
      value = Effect.class,
      names = {"FAIL", "LOSE"})
  void aLostCommandNeverShowsAndIsNotDone(Effect effect) {
    rig.setRoot();
    rig.injector.nth(Operation.STATUS, effect, 1);
    rig.w32(0x18, 0x80000000L);
    assertThat(reads(GSTS, 4, 0x80000000L, true)).isZero();
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x7000);
    rig.w32(0x18, 0x80000000L);
    assertThat(reads(GSTS, 4, 0x80000000L, true)).isEqualTo(2);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
  }

  @Test
  void aLostRootTableLeavesTheOldOne() {
    live();
    rig.injector.nth(Operation.STATUS, Effect.LOSE, 1);
    rig.w64(0x20, rig.page());
    rig.w32(0x18, 0xc0000000L);
    assertThat(reads(GSTS, 4, 0x40000000L, true)).isZero();
    rig.contextGlobal();
    rig.iotlbGlobal();
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
  }

  @Test
  void aDelayedCommandShowsLater() {
    rig.setRoot();
    rig.injector.nth(Operation.STATUS, Effect.DELAY, 1);
    rig.w32(0x18, 0x80000000L);
    assertThat(reads(GSTS, 4, 0x80000000L, true)).isEqualTo(2 + LATE);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
  }

  @ParameterizedTest
  @EnumSource(
      value = Effect.class,
      names = {"FAIL", "LOSE"})
  void aLostRegisterInvalidationIsNotDoneUntilAskedAgain(Effect effect) {
    live();
    rig.store(slot, 0);
    rig.injector.nth(Operation.COMPLETION, effect, 1);
    rig.w64(0x508, 0xa000000700000000L);
    assertThat(reads(0x508, 8, 1L << 63, false)).isZero();
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
    rig.w64(0x508, 0xa000000700000000L);
    assertThat(reads(0x508, 8, 1L << 63, false)).isEqualTo(2);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x28, 0x508})
  void aDelayedRegisterInvalidationCompletesLater(int offset) {
    live();
    rig.injector.nth(Operation.COMPLETION, Effect.DELAY, 1);
    rig.w64(offset, offset == 0x28 ? 0xa000000000000000L : 0x9000000000000000L);
    assertThat(reads(offset, 8, 1L << 63, false)).isEqualTo(2 + LATE);
  }

  private void submit(int data) {
    rig.put(0x70022, 0);
    rig.put((long) data << 32 | 0x25, rig.statusWord());
    rig.ring();
  }

  /** Returns after how many loads the status word is there, 0 if not after 50. */
  private int loads(int data) {
    for (int i = 1; i <= 50; i++) {
      if (rig.memory.read(rig.statusWord(), 4) == data) {
        return i;
      }
    }
    return 0;
  }

  @ParameterizedTest
  @EnumSource(
      value = Effect.class,
      names = {"FAIL", "LOSE"})
  void aLostWaitHoldsTheQueueUpUntilItIsTurnedOffAndOn(Effect effect) {
    live();
    rig.startQueue();
    rig.injector.nth(Operation.COMPLETION, effect, 1);
    submit(0x11);
    assertThat(loads(0x11)).isZero();
    assertThat(rig.r64(0x80)).isEqualTo(0x10);
    submit(0x12);
    assertThat(loads(0x12)).isZero();
    assertThat(rig.r32(0x34)).isZero();
    rig.command(0x80000000, 0x04000000, false);
    rig.startQueue();
    submit(0x13);
    assertThat(loads(0x13)).isPositive();
  }

  @Test
  void aDelayedWaitComesLaterAndSoDoesWhatFollowsIt() {
    live();
    rig.startQueue();
    rig.injector.nth(Operation.COMPLETION, Effect.DELAY, 1);
    submit(0x11);
    rig.store(slot, 0);
    submit(0x12);
    int first = loads(0x11);
    assertThat(first).isZero(); // the second had overwritten it by the time it was there
    assertThat(rig.memory.read(rig.statusWord(), 4)).isEqualTo(0x12);
    assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
    rig.injector.nth(Operation.COMPLETION, Effect.DELAY, 1);
    submit(0x13);
    assertThat(loads(0x13)).isEqualTo(2 + LATE);
  }
}
