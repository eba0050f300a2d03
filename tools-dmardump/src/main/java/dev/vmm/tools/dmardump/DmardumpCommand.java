package dev.vmm.tools.dmardump;

import dev.vmm.machine.Machine;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line of {@code dmardump}; vmmctl has it as a subcommand. Not thread-safe. */
@Command(
    name = "dmardump",
    mixinStandardHelpOptions = true,
    versionProvider = ToolVersion.class,
    sortOptions = false,
    subcommands = {
      LintCommand.class,
      VerifyCommand.class,
      DiffCommand.class,
      SaveCommand.class,
      CompletionCommand.class
    },
    synopsisSubcommandLabel = "COMMAND",
    description = {
      "Shows what firmware described and what an I/O MMU was really programmed to do.",
      "Nothing is changed: no register is written."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:what was asked for is shown, and nothing is wrong with it",
      "1:the machine failed or has no unit, tables have problems, or the address of --iova faults",
      "2:the command line is wrong, or a file cannot be read or is damaged"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  sudo dmardump",
      "  dmardump /sys/firmware/acpi/tables/DMAR acpidump.txt",
      "  dmardump --machine qemu:intel -v",
      "  dmardump --machine qemu:intel --iova 0x1000 --device 0:3.0",
      "  dmardump --machine model:intel --html iommu.html",
      "  dmardump --json DMAR | jq '.sources[].tables[].structures[].kind'",
      "  dmardump save host.snapshot --machine qemu:intel",
      "  dmardump verify host.snapshot",
      "  dmardump lint DMAR",
      "  dmardump completion > /etc/bash_completion.d/dmardump"
    })
public final class DmardumpCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private final DumpOptions options = new DumpOptions();
  private final @Nullable Machine here;

  /** The tool as such: without a file or machine it dumps the tables of this host. */
  public DmardumpCommand() {
    this.here = null;
  }

  /**
   * The command in a tool that has a machine open: where no file or machine is named, it and its
   * subcommands are of that one.
   *
   * @param here stays the caller's to close
   */
  public DmardumpCommand(Machine here) {
    this.here = here;
  }

  /** Returns the machine that is meant where the command line names none. */
  Optional<Machine> here() {
    return Optional.ofNullable(here);
  }

  /** The words of {@code --color}. */
  static final class Whens implements Iterable<String> {
    @Override
    public java.util.Iterator<String> iterator() {
      return List.of("auto", "always", "never").iterator();
    }
  }

  /** Runs the command; returns its exit status. */
  @Override
  public Integer call() throws IOException {
    CommandSpec command = Objects.requireNonNull(spec);
    String mistake = options.mistake();
    if (!mistake.isEmpty()) {
      throw new ParameterException(command.commandLine(), mistake);
    }
    return Dump.run(options, here, command.commandLine().getOut(), command.commandLine().getErr());
  }
}
