package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.tools.dmardump.input.Inputs;
import dev.vmm.tools.dmardump.input.MemoryMaps;
import dev.vmm.tools.dmardump.json.JsonDump;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks for mistakes in firmware tables. Used once. */
@Command(
    name = "lint",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Looks for mistakes and surprises in firmware tables; docs/lint.md explains each id.",
      "Of a machine it also says which devices of the tables are not there; of a machine, of this host and with --memmap,"
          + " whether the memory that tables reserve is reserved in the memory map."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:no error was found (with --strict: and no warning)",
      "1:at least one was found, or the machine failed",
      "2:the command line is wrong, or a file cannot be read"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  sudo dmardump lint",
      "  dmardump lint --memmap dmesg.txt acpidump.txt",
      "  dmardump lint --strict --ignore DMAR-NO-INTERRUPT-REMAPPING *.bin"
    })
final class LintCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private final CommonOptions common = new CommonOptions();

  @Parameters(
      paramLabel = "INPUT",
      arity = "0..*",
      description = "Tables, or the name of a machine. Without any, the tables of this host.")
  private List<String> inputs = List.of();

  @Option(
      names = "--memmap",
      paramLabel = "FILE",
      description =
          "The memory map of the machine that the tables are from: Linux's or FreeBSD's boot log, the text of"
              + " /proc/iomem, or a folder such as /sys/firmware/memmap.")
  private @Nullable String memoryMap;

  @Option(names = "--strict", description = "Warnings fail too.")
  private boolean strict;

  @Option(names = "--ignore", paramLabel = "ID", description = "Leave findings of this id out.")
  private List<String> ignored = List.of();

  /** Where this host shows its tables, and its memory map. */
  Path hostTables = Path.of("/sys/firmware/acpi/tables");

  Path hostMemoryMap = Path.of("/sys/firmware/memmap");

  @Override
  public Integer call() throws IOException {
    CommandLine line = Objects.requireNonNull(spec).commandLine();
    PrintWriter out = line.getOut();
    PrintWriter err = line.getErr();
    Inspectors inspectors = common.inspectors(err);
    Sources sources = new Sources(inspectors);
    if (Inputs.STANDARD_INPUT.equals(memoryMap) && inputs.contains(Inputs.STANDARD_INPUT)) {
      throw VmmException.invalid(
          "the standard input cannot be both the tables and the memory map: put one of them into a file");
    }
    Optional<MemoryMap> map =
        Optional.ofNullable(memoryMap).map(name -> MemoryMaps.read(name, System.in));
    List<Finding> all = new ArrayList<>();
    int status = Tool.OK;
    int tables = 0;
    List<String> names =
        !inputs.isEmpty()
            ? inputs
            : List.of(common.here().map(Machine::name).orElse(hostTables.toString()));
    try (JsonDump json = common.json ? new JsonDump(out, false) : null) {
      for (String name : names) {
        try (Source source = inputs.isEmpty() ? unnamed(sources) : sources.open(name)) {
          List<Finding> findings = new ArrayList<>();
          TableContext context = context(name, source, map);
          tables += lint(source, context, inspectors, findings);
          findings.removeIf(finding -> ignored.contains(finding.id()));
          all.addAll(findings);
          List<String> notes = notes(name, source, context);
          if (json == null) {
            notes.forEach(note -> out.println("note: " + note));
            FindingText.write(name, findings, common.palette(), out);
          } else {
            json.findings(name, notes, findings);
          }
        } catch (VmmException e) {
          out.flush();
          status = Math.max(status, Tool.report("dmardump", e, err));
        }
      }
    }
    if (!common.json) {
      out.println(DumpRenderer.count(tables, "table") + ": " + FindingText.summary(all));
    }
    return Math.max(status, FindingText.status(all, strict));
  }

  private Source unnamed(Sources sources) {
    return common.here().map(sources::borrowed).orElseGet(() -> sources.host(hostTables));
  }

  /** Returns where tables are from: that of the user goes before what a machine says. */
  private TableContext context(String name, Source source, Optional<MemoryMap> map) {
    TableContext known = source.machine().map(TableContext::of).orElse(TableContext.NONE);
    if (map.isPresent()) {
      return new TableContext(known.machine(), map);
    }
    return source.machine().isEmpty() && isOfHost(name)
        ? new TableContext(Optional.empty(), MemoryMaps.host(hostMemoryMap))
        : known;
  }

  private List<String> notes(String name, Source source, TableContext context) {
    List<String> notes = new ArrayList<>(source.notes());
    if (source.machine().isEmpty() && context.memoryMap().isEmpty() && isOfHost(name)) {
      notes.add(
          "this host shows no memory map: there is no folder "
              + hostMemoryMap
              + "; name one with --memmap, such as the boot log, to have reserved memory checked");
    }
    return notes;
  }

  private boolean isOfHost(String name) {
    try {
      return !name.equals(Inputs.STANDARD_INPUT)
          && Path.of(name).toRealPath().startsWith(hostTables.toRealPath());
    } catch (IOException e) {
      return false;
    }
  }

  private static int lint(
      Source source, TableContext context, Inspectors inspectors, List<Finding> findings) {
    for (AcpiTable table : source.tables()) {
      findings.addAll(inspectors.forTable(table).lint(table, context));
    }
    if (source.tables().isEmpty()) {
      throw VmmException.of(
          Errno.ENXIO,
          "%s has no table of an I/O MMU: expected one of %s",
          source.origin(),
          String.join(", ", inspectors.signatures()));
    }
    return source.tables().size();
  }
}
