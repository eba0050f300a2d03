package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.tools.dmardump.json.JsonDump;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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
      "Of a machine it also says which devices of the tables are not there."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:no error was found (with --strict: and no warning)",
      "1:at least one was found, or the machine failed",
      "2:the command line is wrong, or a file cannot be read"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dmardump lint /sys/firmware/acpi/tables/DMAR",
      "  dmardump lint --strict --ignore DMAR-NO-INTERRUPT-REMAPPING *.bin"
    })
final class LintCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private final CommonOptions common = new CommonOptions();

  @Parameters(
      paramLabel = "INPUT",
      arity = "1..*",
      description = "Tables, or the name of a machine.")
  private List<String> inputs = List.of();

  @Option(names = "--strict", description = "Warnings fail too.")
  private boolean strict;

  @Option(names = "--ignore", paramLabel = "ID", description = "Leave findings of this id out.")
  private List<String> ignored = List.of();

  @Override
  public Integer call() throws IOException {
    CommandLine line = Objects.requireNonNull(spec).commandLine();
    PrintWriter out = line.getOut();
    PrintWriter err = line.getErr();
    Inspectors inspectors = common.inspectors(err);
    List<Finding> all = new ArrayList<>();
    int status = Tool.OK;
    int tables = 0;
    try (JsonDump json = common.json ? new JsonDump(out, false) : null) {
      for (String input : inputs) {
        try (Source source = new Sources(inspectors).open(input)) {
          List<Finding> findings = new ArrayList<>();
          tables += lint(source, inspectors, findings);
          findings.removeIf(finding -> ignored.contains(finding.id()));
          all.addAll(findings);
          if (json == null) {
            FindingText.write(input, findings, common.palette(), out);
          } else {
            json.findings(input, findings);
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

  private static int lint(Source source, Inspectors inspectors, List<Finding> findings) {
    for (AcpiTable table : source.tables()) {
      findings.addAll(inspectors.forTable(table).lint(table, source.machine()));
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
