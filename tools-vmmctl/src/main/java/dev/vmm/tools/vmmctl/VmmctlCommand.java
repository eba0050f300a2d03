package dev.vmm.tools.vmmctl;

import dev.vmm.tools.dmardump.CompletionCommand;
import dev.vmm.tools.dmardump.DmardumpCommand;
import dev.vmm.tools.dmardump.ToolVersion;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line of {@code vmmctl}: only its subcommands do something. */
@Command(
    name = "vmmctl",
    mixinStandardHelpOptions = true,
    versionProvider = ToolVersion.class,
    description =
        "Passes PCI devices of a machine through to virtual machines, and shows the proof.",
    subcommands = {
      DemoCommand.class,
      ListCommand.class,
      CanAssignCommand.class,
      RunCommand.class,
      ShellCommand.class,
      TunablesCommand.class,
      DmardumpCommand.class,
      CompletionCommand.class,
      HelpCommand.class
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:everything held",
      "1:a step, a command or the machine failed",
      "2:the command line, a tunable, a script or an input file is wrong"
    })
final class VmmctlCommand implements Runnable {
  @Spec private @Nullable CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        java.util.Objects.requireNonNull(spec).commandLine(),
        "expected a command: demo, list, can-assign, run, shell, tunables, dmardump, completion or help");
  }
}
