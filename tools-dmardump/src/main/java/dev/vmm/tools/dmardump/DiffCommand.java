package dev.vmm.tools.dmardump;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.diff.Capture;
import dev.vmm.tools.dmardump.diff.Change;
import dev.vmm.tools.dmardump.diff.Differ;
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
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares two inputs by meaning. Used once. */
@Command(
    name = "diff",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Compares two tables, machines or snapshots by what they mean.",
      "Says what was added (+), removed (-) and changed (~): before and after an assign, or between two versions of a"
          + " firmware."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:they mean the same",
      "1:they differ, or a machine failed",
      "2:the command line is wrong, or a file cannot be read"
    },
    footerHeading = "%nExamples:%n",
    footer = {"  dmardump diff DMAR.old DMAR.new", "  dmardump diff before.zip after.zip"})
final class DiffCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private final CommonOptions common = new CommonOptions();

  @Parameters(index = "0", paramLabel = "A", description = "The one before.")
  private String before = "";

  @Parameters(index = "1", arity = "0..1", paramLabel = "B", description = "The one after.")
  private @Nullable String after;

  @Override
  public Integer call() throws IOException {
    CommandLine line = Objects.requireNonNull(spec).commandLine();
    PrintWriter out = line.getOut();
    if (after == null && common.here().isEmpty()) {
      throw new ParameterException(line, "Missing required parameter: 'B'");
    }
    Inspectors inspectors = common.inspectors(line.getErr());
    Sources sources = new Sources(inspectors);
    try (Source one = sources.open(before);
        Source other =
            after != null ? sources.open(after) : sources.borrowed(common.here().orElseThrow())) {
      tellLeftOut(one, line.getErr());
      tellLeftOut(other, line.getErr());
      List<Change> changes = Differ.between(capture(one, inspectors), capture(other, inspectors));
      if (common.json) {
        try (JsonDump json = new JsonDump(out, false)) {
          json.changes(before + " -> " + other.origin(), changes);
        }
      } else {
        changes.forEach(change -> out.println(text(change)));
      }
      return changes.isEmpty() ? Tool.OK : Tool.FAILED;
    }
  }

  private String text(Change change) {
    Palette palette = common.palette();
    return switch (change.kind()) {
      case ADDED -> palette.good("+ " + change.where()) + tail(change.after());
      case REMOVED -> palette.bad("- " + change.where()) + tail(change.before());
      case CHANGED ->
          palette.strong("~ " + change.where()) + ": " + change.before() + " -> " + change.after();
    };
  }

  private static String tail(String text) {
    return text.isEmpty() ? "" : ": " + text;
  }

  /** What was left out of an input was not compared. */
  private static void tellLeftOut(Source source, PrintWriter err) {
    if (source.machine().isEmpty()) {
      source.notes().forEach(note -> err.println("dmardump: note: " + note));
    }
  }

  private static Capture capture(Source source, Inspectors inspectors) {
    List<TableReport> tables = new ArrayList<>();
    for (AcpiTable table : source.tables()) {
      tables.add(inspectors.forTable(table).decode(table));
    }
    List<UnitReport> units = source.machine().map(inspectors::inspect).orElse(List.of());
    return new Capture(tables, units);
  }
}
