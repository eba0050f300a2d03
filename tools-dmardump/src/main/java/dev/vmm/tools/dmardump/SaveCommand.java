package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.snapshot.Snapshots;
import java.io.PrintWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code dmardump save}: records what a dump of a live machine reads. Used once. */
@Command(
    name = "save",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Saves all that a dump of a live machine reads to a file, for a dump elsewhere and later: tables, PCI functions,"
          + " registers and the pages of memory that hold the units' own tables.",
      "The file appears whole or not at all; one that is there is replaced. Nothing of the machine is changed."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:the file is written",
      "1:the machine failed or has no unit, or the file cannot be written",
      "2:the command line is wrong"
    },
    footerHeading = "%nExamples:%n",
    footer = {"  dmardump save host.snapshot --machine qemu:intel", "  dmardump host.snapshot"})
final class SaveCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;

  @Parameters(paramLabel = "FILE", description = "Where to.")
  private String file = "";

  @Option(
      names = {"-m", "--machine"},
      paramLabel = "MACHINE",
      description = "The live machine, such as qemu:intel.")
  private @Nullable String machine;

  @ParentCommand private @Nullable DmardumpCommand parent;

  @Override
  public Integer call() {
    CommandLine line = Objects.requireNonNull(spec).commandLine();
    Path path = path();
    if (machine == null) {
      save(here(line), path, line.getErr());
      return Tool.OK;
    }
    try (Machine live = Machines.open(machine)) {
      save(live, path, line.getErr());
    }
    return Tool.OK;
  }

  private Machine here(CommandLine line) {
    return Optional.ofNullable(parent)
        .flatMap(DmardumpCommand::here)
        .orElseThrow(
            () -> new ParameterException(line, "Missing required option: '--machine=MACHINE'"));
  }

  private static void save(Machine live, Path path, PrintWriter err) {
    Inspectors inspectors = Inspectors.load();
    inspectors.warnings().forEach(warning -> err.println("dmardump: warning: " + warning));
    Snapshots.save(
        live,
        path,
        "dmardump " + ToolVersion.number(),
        recording -> requireUnits(recording.name(), inspectors.inspect(recording), inspectors));
  }

  private static void requireUnits(String machine, List<UnitReport> units, Inspectors inspectors) {
    if (units.isEmpty()) {
      throw VmmException.of(
          Errno.ENXIO,
          "machine %s has no I/O MMU to save: no unit is described by a table of firmware that a back end here decodes"
              + " (%s)",
          machine,
          String.join(", ", inspectors.signatures()));
    }
  }

  private Path path() {
    if (file.isBlank()) {
      throw VmmException.invalid("\"%s\" is no file name: name the file to write", file);
    }
    try {
      return Path.of(file);
    } catch (InvalidPathException e) {
      throw VmmException.invalid("\"%s\" is no file name: %s", file, e.getReason());
    }
  }
}
