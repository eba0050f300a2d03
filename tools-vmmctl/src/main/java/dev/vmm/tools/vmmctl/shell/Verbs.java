package dev.vmm.tools.vmmctl.shell;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The root of the language: the list of its commands. A new one is a {@link Verb} and a line here;
 * {@code dmardump}, which has a machine given to it, is added by the {@link Interpreter}.
 */
@Command(
    name = "",
    subcommands = {
      VmVerbs.class,
      VmVerbs.Crash.class,
      DeviceVerbs.Attach.class,
      DeviceVerbs.Detach.class,
      DeviceVerbs.Assign.class,
      DeviceVerbs.Unassign.class,
      DeviceVerbs.Vfs.class,
      HotPlugVerbs.Plug.class,
      HotPlugVerbs.Unplug.class,
      CanAssignVerb.class,
      ListVerb.class,
      MemoryVerbs.Peek.class,
      MemoryVerbs.Poke.class,
      DmaVerb.class,
      FaultsVerb.class,
      IommuVerbs.Iommu.class,
      IommuVerbs.Rescan.class,
      IommuVerbs.Close.class,
      SysctlVerb.class,
      ScriptVerbs.Expect.class,
      ScriptVerbs.ExpectError.class,
      ScriptVerbs.Echo.class,
      ScriptVerbs.Exit.class,
      HelpCommand.class
    })
final class Verbs implements Runnable {
  private final Interpreter interpreter;
  @Spec private @Nullable CommandSpec spec;

  Verbs(Interpreter interpreter) {
    this.interpreter = interpreter;
  }

  Interpreter interpreter() {
    return interpreter;
  }

  /** Only subcommands do something. */
  @Override
  public void run() {
    CommandLine line = Objects.requireNonNull(spec).commandLine();
    throw new ParameterException(line, "expected a command");
  }
}
