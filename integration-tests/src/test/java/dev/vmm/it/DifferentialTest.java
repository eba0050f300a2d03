package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.SelfChecking;
import dev.vmm.ppt.Waiter;
import dev.vmm.testing.RequiresQemu;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The same random operations on the embedded machine and on QEMU, whose hardware others wrote: the
 * same bytes arrive, and the same faults are told. Each is also compared with what ought to come of
 * it.
 */
final class DifferentialTest {
  private static final int QEMU_COPIES = 60;
  private static final int MODEL_COPIES = 1500;

  /** The embedded machine's devices need no time after a reset. */
  private static final class NoTime implements Waiter {
    private final AtomicLong now = new AtomicLong();

    @Override
    public long nanoTime() {
      return now.get();
    }

    @Override
    public void pause(long nanos) {
      now.addAndGet(nanos);
    }
  }

  @RequiresQemu
  @ParameterizedTest
  @ValueSource(longs = 20_261)
  void modelAndQemuGiveTheSameBytesAndFaults(long seed) {
    List<String> model = model("model:intel,aw=39,edu-delay=0", seed, QEMU_COPIES);
    List<String> qemu;
    try (Machine machine = Machines.open("qemu:intel")) {
      qemu = new RandomScript(machine, Waiter.REAL, seed).run(QEMU_COPIES);
    }
    assertThat(model).as("seed %d: the model, as on QEMU", seed).isEqualTo(qemu);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2})
  void theModelDoesWhatItShouldOverThousandsOfSteps(long seed) {
    List<String> steps = model("model:intel,edu-delay=0", seed, MODEL_COPIES);
    assertThat(steps).as("seed %d", seed).hasSizeGreaterThan(MODEL_COPIES);
  }

  private static List<String> model(String name, long seed, int copies) {
    try (Machine machine = Machines.open(name)) {
      List<String> steps = new RandomScript(machine, new NoTime(), seed).run(copies);
      assertThat(SelfChecking.complaintsOf(machine)).as("seed %d: misuses", seed).isEmpty();
      return steps;
    }
  }
}
