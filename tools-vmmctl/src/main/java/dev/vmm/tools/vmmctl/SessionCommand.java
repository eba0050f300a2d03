package dev.vmm.tools.vmmctl;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.SelfChecking;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tools.vmmctl.shell.Interpreter;
import dev.vmm.tools.vmmctl.shell.Session;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A command that works on a machine until everything is given back. */
abstract class SessionCommand implements Callable<Integer> {
  private static final int MAX_COMPLAINTS = 10;

  @Spec private @Nullable CommandSpec spec;
  @Mixin private MachineOptions options = new MachineOptions();

  /** Does the work; returns the exit status as far as that goes. */
  abstract int run(Interpreter interpreter) throws IOException;

  /** Looks at the command line before a machine is started for nothing. */
  abstract void prepare() throws IOException;

  final PrintWriter out() {
    return Objects.requireNonNull(spec).commandLine().getOut();
  }

  final PrintWriter err() {
    return Objects.requireNonNull(spec).commandLine().getErr();
  }

  @Override
  public final Integer call() throws IOException {
    options.applyLogLevel();
    Tunables tunables = options.tunables();
    prepare();
    options.warnings(tunables).forEach(this::warn);
    try (Machine machine = Machines.open(options.machine())) {
      Session session = new Session(machine, tunables);
      int status;
      boolean closed;
      Interpreter interpreter = new Interpreter(session, out(), err());
      GiveBack inTheMiddle = new GiveBack(interpreter, () -> close(session));
      try {
        status = run(interpreter);
      } catch (UncheckedIOException | IOException e) {
        throw new VmmException(
            Errno.EIO, "no more commands can be read: " + e.getMessage() + "; see the input", e);
      } finally {
        inTheMiddle.cancel();
        out().flush();
        closed = close(session);
      }
      boolean treatedWell = treatedWell(machine);
      return closed && treatedWell ? status : Math.max(status, Tool.FAILED);
    }
  }

  private boolean close(Session session) {
    try {
      session.close();
      return true;
    } catch (VmmException e) {
      Tool.report("vmmctl: the platform did not close cleanly", e, err());
      return false;
    }
  }

  /** Asks a machine that checks how it is treated. */
  private boolean treatedWell(Machine machine) {
    List<String> complaints = SelfChecking.complaintsOf(machine);
    complaints.stream()
        .limit(MAX_COMPLAINTS)
        .forEach(complaint -> err().println("vmmctl: the hardware was misused: " + complaint));
    if (complaints.size() > MAX_COMPLAINTS) {
      err().println("vmmctl: and " + (complaints.size() - MAX_COMPLAINTS) + " more");
    }
    return complaints.isEmpty();
  }

  private void warn(String sentence) {
    err().println("vmmctl: warning: " + sentence);
    err().flush();
  }
}
