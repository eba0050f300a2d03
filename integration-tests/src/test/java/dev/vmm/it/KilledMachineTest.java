package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.qemu.QemuMachine;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hardware that dies or hangs in the middle of an assign gives a clear error in bounded time: no
 * hang, no panic.
 */
@RequiresQemu
final class KilledMachineTest {
  private static final Duration BOUND = Duration.ofSeconds(30);

  @ParameterizedTest
  @ValueSource(ints = {0, 30, 60, 90})
  void i13_aMachineThatDiesInTheMiddleOfAnAssignIsAClearErrorInBoundedTime(int percentDone) {
    assertAssignFailsInBoundedTime(
        percentDone,
        process -> {
          process.destroyForcibly();
          process.onExit().join();
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 50, 90})
  void i13_aMachineThatHangsInTheMiddleOfAnAssignIsAClearErrorInBoundedTime(int percentDone) {
    assertAssignFailsInBoundedTime(percentDone, KilledMachineTest::stop);
  }

  private static void stop(ProcessHandle process) {
    try {
      int status = new ProcessBuilder("kill", "-STOP", "" + process.pid()).start().waitFor();
      assertThat(status).isZero();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertAssignFailsInBoundedTime(
      int percentDone, Consumer<ProcessHandle> harm) {
    int all = unitAccessesOfAnAssign();
    try (QemuMachine qemu = QemuMachine.open("qemu:intel,answer-timeout=1")) {
      AtomicInteger left = new AtomicInteger(1 + all * percentDone / 100);
      DyingMachine machine =
          new DyingMachine(
              qemu,
              () -> {
                if (left.decrementAndGet() == 0) {
                  harm.accept(qemu.process().orElseThrow());
                }
              });
      Assertions.assertTimeoutPreemptively(
          BOUND,
          () -> {
            Bench bench = Bench.open(machine);
            bench.ppt().attach(bench.rid());
            VirtualMachine vm = bench.guest("guest");

            assertThatThrownBy(() -> bench.ppt().assign(bench.rid(), vm))
                .isInstanceOfSatisfying(
                    VmmException.class,
                    e -> assertThat(e.errno()).isIn(Errno.ENXIO, Errno.EIO, Errno.ETIMEDOUT))
                .hasMessageNotContaining("null");
            assertThat(left.get()).as("the machine was killed").isNotPositive();
            assertThat(vm.devices()).isEmpty();
            closeQuietly(bench.ppt(), vm, bench);
          });
    }
  }

  private static int unitAccessesOfAnAssign() {
    AtomicInteger count = new AtomicInteger();
    try (QemuMachine qemu = QemuMachine.open("qemu:intel");
        Bench bench = Bench.open(new DyingMachine(qemu, count::incrementAndGet))) {
      bench.ppt().attach(bench.rid());
      bench.ppt().assign(bench.rid(), bench.guest("guest"));
      return count.get();
    }
  }

  private static void closeQuietly(PptDriver ppt, VirtualMachine vm, Bench bench) {
    for (AutoCloseable part : new AutoCloseable[] {vm, ppt, bench.vmm()}) {
      try {
        part.close();
      } catch (VmmException e) {
        if (part == bench.vmm() && e.errno() == Errno.EBUSY) {
          // Of a device that nobody can ask whether it is silent the platform does not let go.
          assertThat(e)
              .hasMessageContaining(bench.rid() + " (it could not be quiesced: ")
              .hasMessageContaining("QEMU")
              .hasMessageEndingWith("close the machine");
        } else {
          assertThat(e.errno()).isIn(Errno.EIO, Errno.ETIMEDOUT);
        }
      } catch (Exception e) {
        throw new AssertionError("anything but the documented error", e);
      }
    }
  }

  /** Calls back before each access of the unit. */
  private static final class DyingMachine extends UnitWatch {
    private final Runnable beforeUnitAccess;

    DyingMachine(QemuMachine machine, Runnable beforeUnitAccess) {
      super(machine);
      this.beforeUnitAccess = beforeUnitAccess;
    }

    @Override
    protected void beforeAccess(String what, long offset) {
      beforeUnitAccess.run();
    }
  }
}
