package dev.vmm.tools.vmmctl.shell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.tck.MachineDecorator;
import dev.vmm.tunable.Tunables;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Everything is given back, also when a step of that fails, or the process is told to end. */
final class SessionEndTest {
  private final DyingMachine machine = new DyingMachine(Machines.open("model:intel,edu-delay=1"));
  private final Session session = new Session(machine, Tunables.defaults());
  private final StringWriter out = new StringWriter();
  private final Interpreter interpreter =
      new Interpreter(session, new PrintWriter(out), new PrintWriter(out));

  @AfterEach
  void close() {
    machine.close();
  }

  private void ok(String... lines) {
    for (String line : lines) {
      assertThat(interpreter.run(line)).as(line).isEqualTo(Result.OK);
    }
  }

  @Test
  void faultsThatCannotBeReadDoNotKeepDevicesFromBeingGivenBack() {
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a");
    machine.failsNextRead = true;
    assertThatThrownBy(session::close).hasMessageContaining("the test's failure");
    assertThat(session.isOpen()).isFalse();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void anEndFromOutsideWaitsForTheCommandUnderWayAndLetsNoneBegin() throws Exception {
    ok("attach edu0", "vm create a -M 16M", "assign edu0 a");
    Thread end = new Thread(() -> interpreter.end(Duration.ofSeconds(10), session::close), "end");
    end.start();
    end.join();
    assertThat(session.isOpen()).isFalse();
    assertThat(machine.memory().allocatedBytes()).isZero();
    assertThat(interpreter.run("attach edu0")).isEqualTo(Result.OK);
    assertThat(session.isOpen()).as("nothing is opened again").isFalse();
    assertThat(interpreter.exiting()).isTrue();
    session.close();
  }

  /** A machine of which one read of a register fails. */
  private static final class DyingMachine extends MachineDecorator {
    private volatile boolean failsNextRead;

    DyingMachine(Machine machine) {
      super(machine);
    }

    @Override
    protected long read(RegisterBlock block, long offset, int widthBytes) {
      if (failsNextRead) {
        failsNextRead = false;
        throw new VmmException(Errno.EIO, "the test's failure");
      }
      return super.read(block, offset, widthBytes);
    }
  }
}
