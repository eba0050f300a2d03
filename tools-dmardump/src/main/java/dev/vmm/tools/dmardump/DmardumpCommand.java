package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
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
    footer = {"  dmardump /sys/firmware/acpi/tables/DMAR", "  dmardump --machine qemu:intel -v"})
public final class DmardumpCommand implements Callable<Integer> {
  /** Far above any real table; keeps a wrong file name from filling memory. */
  private static final int MAX_TABLE_BYTES = 16 << 20;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(
      paramLabel = "FILE",
      arity = "0..*",
      description = "Raw ACPI tables, recognised by what is in them.")
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

  /** Runs the command; returns its exit status. */
  @Override
  public Integer call() throws IOException {
    CommandSpec command = java.util.Objects.requireNonNull(spec);
    if (files.isEmpty() == (machine == null)) {
      throw new ParameterException(
          command.commandLine(),
          files.isEmpty()
              ? "expected raw ACPI tables or --machine"
              : "expected either raw ACPI tables or --machine, not both");
    }
    PrintWriter out = command.commandLine().getOut();
    PrintWriter err = command.commandLine().getErr();
    DumpRenderer renderer = new DumpRenderer(verbose, color.palette());
    Inspectors inspectors = Inspectors.load();
    inspectors.warnings().forEach(warning -> err.println("dmardump: warning: " + warning));
    return machine == null
        ? dumpFiles(inspectors, renderer, out, err)
        : dumpMachine(machine, inspectors, renderer, out);
  }

  private int dumpFiles(
      Inspectors inspectors, DumpRenderer renderer, PrintWriter out, PrintWriter err)
      throws IOException {
    int status = Tool.OK;
    boolean first = true;
    for (String file : files) {
      try {
        AcpiTable table = AcpiTable.of(read(file), file);
        TableReport report = inspectors.forTable(table).decode(table);
        if (!first) {
          out.println();
        }
        first = false;
        renderer.render(report, out);
        out.flush();
        if (!report.checksumValid()) {
          throw VmmException.invalid(
              "%s has a wrong checksum at offset 0x9: its %d bytes must add up to 0; the file may be damaged",
              file, report.lengthBytes());
        }
        if (!report.problems().isEmpty()) {
          throw VmmException.invalid(
              "%s is damaged: %s%s",
              file,
              report.problems().get(0),
              report.problems().size() == 1
                  ? ""
                  : " (and " + (report.problems().size() - 1) + " more, listed with the table)");
        }
      } catch (VmmException e) {
        status = Math.max(status, Tool.report("dmardump", e, err));
      }
    }
    return status;
  }

  private int dumpMachine(
      String name, Inspectors inspectors, DumpRenderer renderer, PrintWriter out)
      throws IOException {
    try (Machine opened = Machines.open(name)) {
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
                name, String.join(", ", inspectors.signatures())));
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

  private static byte[] read(String file) {
    if (file.isBlank()) {
      throw VmmException.invalid("\"%s\" is no file name: name a raw ACPI table", file);
    }
    Path path;
    try {
      path = Path.of(file);
    } catch (InvalidPathException e) {
      throw VmmException.invalid("\"%s\" is no file name: %s", file, e.getReason());
    }
    if (Files.isDirectory(path)) {
      throw VmmException.invalid(
          "%s is a directory: expected raw ACPI tables; name the files in it", file);
    }
    byte[] bytes;
    try (InputStream in = Files.newInputStream(path)) {
      bytes = in.readNBytes(MAX_TABLE_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw new VmmException(
          Errno.ENOENT, "there is no file " + file + "; name a raw ACPI table", e);
    } catch (IOException e) {
      throw new VmmException(
          Errno.ENOENT,
          "cannot read "
              + file
              + ": "
              + (e instanceof AccessDeniedException ? "permission denied" : e.getMessage())
              + "; name a readable raw ACPI table",
          e);
    }
    if (bytes.length > MAX_TABLE_BYTES) {
      throw VmmException.invalid(
          "%s is longer than 0x%x bytes: no ACPI table is; name a raw ACPI table",
          file, MAX_TABLE_BYTES);
    }
    return bytes;
  }
}
