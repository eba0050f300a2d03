package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.tools.dmardump.input.Input;
import dev.vmm.tools.dmardump.input.Inputs;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command line of {@code dmardump}; vmmctl has it as a subcommand. Used once. */
@Command(
    name = "dmardump",
    mixinStandardHelpOptions = true,
    versionProvider = ToolVersion.class,
    sortOptions = false,
    description = {
      "Shows what firmware described and what an I/O MMU was really programmed to do.",
      "Nothing is changed: no register is written."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:what was asked for is shown, and nothing is wrong with it",
      "1:the machine failed, has no unit, or its tables have problems",
      "2:the command line is wrong, or a file cannot be read or is damaged"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  sudo dmardump",
      "  dmardump /sys/firmware/acpi/tables/DMAR acpidump.txt",
      "  dmardump --machine qemu:intel -v",
      "  dmardump save host.snapshot --machine qemu:intel",
      "  dmardump host.snapshot"
    },
    subcommands = SaveCommand.class)
public final class DmardumpCommand implements Callable<Integer> {
  private final Path hostTables;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(
      paramLabel = "FILE",
      arity = "0..*",
      description = {
        "Raw ACPI tables, the text of acpidump, folders of tables or snapshots, recognised by what is in them;"
            + " - is the standard input. Without any, the tables of this host."
      })
  private List<String> files = List.of();

  @Option(
      names = {"-m", "--machine"},
      paramLabel = "MACHINE",
      description = "Read the live units of this machine, such as qemu:intel.")
  private @Nullable String machine;

  @Option(
      names = {"-v", "--verbose"},
      description = "Registers with their fields and, of a machine, the firmware's tables too.")
  private boolean verbose;

  @Option(
      names = "--color",
      paramLabel = "WHEN",
      defaultValue = "auto",
      description = "Use colour: ${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}).")
  private Palette.When color = Palette.When.AUTO;

  /** A command for this host. */
  public DmardumpCommand() {
    this(Path.of("/sys/firmware/acpi/tables"));
  }

  /** A command for a host that shows its tables in this folder. */
  DmardumpCommand(Path hostTables) {
    this.hostTables = hostTables;
  }

  /** Runs the command; returns its exit status. */
  @Override
  public Integer call() throws IOException {
    CommandSpec command = java.util.Objects.requireNonNull(spec);
    if (!files.isEmpty() && machine != null) {
      throw new ParameterException(
          command.commandLine(), "expected either files or --machine, not both");
    }
    PrintWriter out = command.commandLine().getOut();
    PrintWriter err = command.commandLine().getErr();
    DumpRenderer renderer = new DumpRenderer(verbose, color.palette());
    Inspectors inspectors = Inspectors.load();
    inspectors.warnings().forEach(warning -> err.println("dmardump: warning: " + warning));
    if (machine != null) {
      try (Machine opened = Machines.open(machine)) {
        return dumpMachine(opened, inspectors, renderer, out);
      }
    }
    List<Supplier<Input>> inputs = new ArrayList<>();
    if (files.isEmpty()) {
      inputs.add(() -> Inputs.host(hostTables));
    }
    files.forEach(file -> inputs.add(() -> Inputs.open(file, System.in)));
    int status = Tool.OK;
    boolean first = true;
    for (Supplier<Input> each : inputs) {
      try (Input input = each.get()) {
        if (!first) {
          out.println();
        }
        first = false;
        status = Math.max(status, dumpInput(input, inspectors, renderer, out, err));
      } catch (VmmException e) {
        out.flush();
        status = Math.max(status, Tool.report("dmardump", e, err));
      }
    }
    return status;
  }

  private int dumpInput(
      Input input, Inspectors inspectors, DumpRenderer renderer, PrintWriter out, PrintWriter err)
      throws IOException {
    input.notes().forEach(note -> out.println("note: " + note));
    if (input instanceof Input.Opened opened) {
      return dumpMachine(opened.machine(), inspectors, renderer, out);
    }
    Input.Tables tables = (Input.Tables) input;
    List<AcpiTable> known = inspectors.known(tables);
    int status = Tool.OK;
    for (int i = 0; i < known.size(); i++) {
      if (i > 0 || !input.notes().isEmpty()) {
        out.println();
      }
      try {
        dumpTable(known.get(i), inspectors, renderer, out);
      } catch (VmmException e) {
        status = Math.max(status, Tool.report("dmardump", e, err));
      }
    }
    return status;
  }

  private static void dumpTable(
      AcpiTable table, Inspectors inspectors, DumpRenderer renderer, PrintWriter out)
      throws IOException {
    TableReport report = inspectors.forTable(table).decode(table);
    renderer.render(report, out);
    out.flush();
    if (!report.checksumValid()) {
      throw VmmException.invalid(
          "%s has a wrong checksum at offset 0x9: its %d bytes must add up to 0; the file may be damaged",
          table.origin(), report.lengthBytes());
    }
    if (!report.problems().isEmpty()) {
      throw VmmException.invalid(
          "%s is damaged: %s%s",
          table.origin(),
          report.problems().get(0),
          report.problems().size() == 1
              ? ""
              : " (and " + (report.problems().size() - 1) + " more, listed with the table)");
    }
  }

  private int dumpMachine(
      Machine opened, Inspectors inspectors, DumpRenderer renderer, PrintWriter out)
      throws IOException {
    List<UnitReport> units = inspectors.inspect(opened);
    if (verbose) {
      for (AcpiTable table : opened.acpi().tables()) {
        IommuInspector inspector = inspectors.find(table).orElse(null);
        if (inspector != null) {
          renderer.render(inspector.decode(table), out);
          out.println();
        }
      }
    }
    if (units.isEmpty()) {
      throw new VmmException(
          Errno.ENXIO,
          String.format(
              "machine %s has no I/O MMU: no unit is described by a table of firmware that a back end here decodes (%s)",
              opened.name(), String.join(", ", inspectors.signatures())));
    }
    boolean sound = true;
    for (int i = 0; i < units.size(); i++) {
      if (i > 0) {
        out.println();
      }
      renderer.render(units.get(i), out);
      sound &= DumpRenderer.problemsOf(units.get(i)).isEmpty();
    }
    return sound ? Tool.OK : Tool.FAILED;
  }
}
