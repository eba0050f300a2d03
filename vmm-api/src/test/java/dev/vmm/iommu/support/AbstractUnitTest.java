package dev.vmm.iommu.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.machine.RegisterBlock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The life of a unit, and its lock, whatever its book says. */
class AbstractUnitTest {
  private final List<String> done = new ArrayList<>();
  private final Set<String> failing = new HashSet<>();
  private boolean publishes;
  private final PlainUnit unit = new PlainUnit();

  private void step(String what) {
    done.add(what);
    if (failing.contains(what)) {
      throw new IllegalStateException("no " + what);
    }
  }

  /** Notes its steps. */
  private final class PlainUnit extends AbstractUnit {
    PlainUnit() {
      super(registers(), new DomainIds("unit a", 8), "test entries");
    }

    @Override
    protected void start() {
      beginTranslating();
      step("start");
    }

    @Override
    protected void turnOff() {
      step("turnOff");
      endTranslating();
    }

    @Override
    protected void freeTables() {
      step("freeTables");
    }

    @Override
    protected UnitFlushes caches() {
      return new UnitFlushes() {
        @Override
        public void check() {
          step("check");
        }

        @Override
        public void flushRange(int domainId, long iova, long lengthBytes, boolean leavesOnly) {
          step("flush");
        }

        @Override
        public void published(int domainId, long iova, long lengthBytes) {
          step("published");
        }

        @Override
        public boolean needsPublishing() {
          return publishes;
        }
      };
    }

    @Override
    protected boolean drain(List<DmaFault> target) {
      step("drain");
      return on();
    }

    @Override
    protected UnitMove begin(
        int[] sourceIds, int domainId, int levels, long tableRoot, boolean forwardsInterrupts) {
      step("begin");
      return new UnitMove() {
        @Override
        public void apply() {
          step("apply");
        }

        @Override
        public void finish() {
          step("finish");
        }

        @Override
        public void cancel() {
          step("cancel");
        }

        @Override
        public boolean undo() {
          step("undo");
          return true;
        }
      };
    }

    @Override
    protected void log(String line) {
      done.add(line);
    }

    @Override
    public int reachBits(int levels) {
      return 0;
    }

    @Override
    public boolean translates() {
      return on();
    }

    boolean givenUp() {
      return freed();
    }
  }

  private static UnitRegisters registers() {
    return UnitRegisters.readOnly(
        "a",
        new RegisterBlock() {
          @Override
          public long baseHpa() {
            return 0x1000;
          }

          @Override
          public long lengthBytes() {
            return 0x1000;
          }

          @Override
          public long read(long offset, int widthBytes) {
            return 0;
          }

          @Override
          public void write(long offset, int widthBytes, long value) {}
        });
  }

  private UnitMove move() {
    return unit.move(new int[] {1}, 1, 3, 0, false);
  }

  private VmmException fails(Runnable call, String... words) {
    VmmException e = catchThrowableOfType(VmmException.class, call::run);
    assertThat(e).hasMessageContainingAll(words);
    assertThat(e.errno()).isEqualTo(Errno.EIO);
    expectUnlocked();
    return e;
  }

  /** Another thread gets the lock. */
  private void expectUnlocked() {
    assertThat(CompletableFuture.runAsync(() -> unit.locked("to look", () -> true)))
        .succeedsWithin(10, TimeUnit.SECONDS);
  }

  private void does(Runnable call, String... steps) {
    done.clear();
    call.run();
    assertThat(done).containsExactly(steps);
    expectUnlocked();
  }

  @Test
  void aUnitIsTurnedOnAndOffOnce() {
    assertThat(unit.where()).isEqualTo("unit a at 0x1000");
    assertThat(unit.name()).isEqualTo("a");
    does(unit::disable);
    does(unit::enable, "start", "translation is on");
    assertThat(unit.translates()).isTrue();
    does(unit::enable);
    does(unit::disable, "turnOff", "translation is off");
    assertThat(unit.translates()).isFalse();
    does(unit::disable);
    does(unit::close, "freeTables");
    assertThat(unit.givenUp()).isTrue();
    does(unit::close);
  }

  @Test
  void aUnitThatIsOnIsTurnedOffBeforeItsTablesAreFreed() {
    unit.enable();
    does(unit::close, "turnOff", "translation is off", "freeTables");
  }

  @Test
  void aStartThatFailsIsUndoneAndTriedAgain() {
    failing.add("start");
    fails(unit::enable, "could not be made to turn translation on", "no start");
    assertThat(done).containsExactly("start", "turnOff");
    assertThat(unit.translating()).isFalse();
    assertThat(unit.translates()).isFalse();
    failing.clear();
    does(unit::enable, "start", "translation is on");
  }

  /** What it left must be off before it is set up again. */
  @Test
  void aStartWhoseUndoFailsTooIsStoppedFirstTheNextTime() {
    failing.addAll(List.of("start", "turnOff"));
    VmmException e = fails(unit::enable, "to turn translation on");
    assertThat(e.getSuppressed())
        .singleElement()
        .satisfies(second -> assertThat(second).hasMessageContaining("to turn translation off"));
    assertThat(unit.translating()).as("it may").isTrue();
    failing.clear();
    does(unit::enable, "turnOff", "start", "translation is on");
  }

  @Test
  void aStopThatFailsKeepsTheTablesAndIsTriedAgain() {
    unit.enable();
    failing.add("turnOff");
    fails(unit::close, "could not be made to turn translation off", "no turnOff");
    assertThat(unit.givenUp()).isFalse();
    assertThat(done).doesNotContain("freeTables");
    failing.clear();
    does(unit::close, "turnOff", "translation is off", "freeTables");
  }

  @Test
  void tablesThatAreNotTakenBackAreTold() {
    failing.add("freeTables");
    fails(unit::close, "to give its tables back", "no freeTables");
  }

  @Test
  void aUnitThatIsOffForgetsNothing() {
    publishes = true;
    does(() -> unit.flush(1, 0, 0x1000, true));
    does(() -> unit.published(1, 0, 0x1000));
    does(unit::check);
    unit.enable();
    does(() -> unit.flush(1, 0, 0x1000, true), "flush");
    does(() -> unit.published(1, 0, 0x1000), "published");
    does(unit::check, "check");
    publishes = false;
    does(() -> unit.published(1, 0, 0x1000));
  }

  @Test
  void aMoveIsMadeOnlyOnAUnitThatConfirmedAllBefore() {
    does(() -> move().apply(), "begin", "apply");
    unit.enable();
    UnitMove move = move();
    does(move::apply, "check", "apply");
    does(move::finish, "finish");
    does(() -> assertThat(move.undo()).isTrue(), "undo");
    does(move::cancel, "cancel");
    failing.add("check");
    done.clear();
    fails(move::apply, "to take its new test entries", "no check");
    assertThat(done).doesNotContain("apply");
  }

  /** A machine may throw anything where its memory or registers are gone. */
  @ParameterizedTest
  @CsvSource({
    "begin, to get ready for new test entries",
    "apply, to take its new test entries",
    "finish, to give back the tables of its old test entries",
    "drain, to tell its faults",
    "locked, to do what was asked",
  })
  void whatTheMachineThrowsIsToldWithTheStep(String step, String words) {
    UnitMove move = move();
    failing.add(step);
    Runnable call =
        switch (step) {
          case "begin" -> this::move;
          case "apply" -> move::apply;
          case "finish" -> move::finish;
          case "drain" -> () -> unit.drainFaults(new ArrayList<>());
          default -> () -> unit.runLocked("to do what was asked", () -> step("locked"));
        };
    fails(call, "unit a at 0x1000 could not be made " + words, "no " + step);
  }

  @Test
  void domainIdsComeBack() {
    int id = unit.allocateDomainId();
    unit.freeDomainId(id);
    for (int i = 0; i < 6; i++) {
      assertThat(unit.allocateDomainId()).isNotEqualTo(id);
    }
    assertThat(unit.allocateDomainId()).isEqualTo(id);
    VmmException e = catchThrowableOfType(VmmException.class, unit::allocateDomainId);
    assertThat(e.errno()).isEqualTo(Errno.ENOSPC);
    expectUnlocked();
    assertThat(unit.drainFaults(new ArrayList<>())).isFalse();
    expectUnlocked();
  }
}
