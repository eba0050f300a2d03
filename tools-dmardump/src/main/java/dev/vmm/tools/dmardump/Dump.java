package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.Message;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import dev.vmm.tools.dmardump.html.HtmlPage;
import dev.vmm.tools.dmardump.json.JsonDump;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Shows what was asked for. Used once, by one thread. */
final class Dump {
  private final DumpOptions options;
  private final Inspectors inspectors;
  private final Sources sources;
  private final PrintWriter out;
  private final PrintWriter err;
  private final Palette palette;
  private @Nullable JsonDump json;
  private @Nullable HtmlPage html;
  private boolean first = true;

  private Dump(DumpOptions options, PrintWriter out, PrintWriter err) {
    this.options = options;
    this.out = out;
    this.err = err;
    this.palette = options.color.palette();
    this.inspectors = Inspectors.load(Optional.ofNullable(options.backendPath));
    this.sources = new Sources(inspectors);
  }

  /**
   * Shows it all, each input on its own: a bad one is told, and the others go on.
   *
   * @param here the machine to show where the options name nothing; the host's tables if there is
   *     none
   * @return the exit status
   */
  static int run(DumpOptions options, @Nullable Machine here, PrintWriter out, PrintWriter err)
      throws IOException {
    Dump dump = new Dump(options, out, err);
    dump.inspectors.warnings().forEach(warning -> err.println("dmardump: warning: " + warning));
    if (options.json) {
      try (JsonDump json = new JsonDump(out, options.raw)) {
        dump.json = json;
        return dump.all(here);
      }
    }
    if (options.html != null) {
      try (Writer file = open(options.html);
          HtmlPage page = new HtmlPage(file)) {
        dump.html = page;
        return dump.all(here);
      } catch (IOException e) {
        throw new VmmException(
            Errno.EIO,
            "cannot write " + options.html + ": " + e.getMessage() + "; make room for it",
            e);
      }
    }
    return dump.all(here);
  }

  private static Writer open(String file) {
    try {
      return Files.newBufferedWriter(Path.of(file), StandardCharsets.UTF_8);
    } catch (IOException | RuntimeException e) {
      throw new VmmException(
          Errno.EINVAL, "cannot write " + file + ": " + e + "; name a file that can be written", e);
    }
  }

  private int all(@Nullable Machine here) throws IOException {
    List<Supplier<Source>> all = new ArrayList<>();
    String machine = options.machine;
    if (machine != null) {
      all.add(() -> sources.machine(machine));
    } else if (options.files.isEmpty() && here != null) {
      all.add(() -> sources.borrowed(here));
    } else if (options.files.isEmpty()) {
      all.add(() -> sources.host(options.hostTables));
    }
    options.files.forEach(file -> all.add(() -> sources.open(file)));
    int status = Tool.OK;
    for (Supplier<Source> each : all) {
      try (Source source = each.get()) {
        status = Math.max(status, source(source));
      } catch (VmmException e) {
        out.flush();
        status = Math.max(status, Tool.report("dmardump", e, err));
      }
    }
    return status;
  }

  private int source(Source source) throws IOException {
    if (options.iova == null && json == null && html == null && !source.notes().isEmpty()) {
      gap();
      source.notes().forEach(note -> out.println("note: " + note));
    } else if (html != null) {
      source.notes().forEach(note -> err.println("dmardump: note: " + note));
    }
    return source.machine().isPresent() ? machine(source, source.machine().get()) : tables(source);
  }

  /** Shows the tables of a file; what is wrong with one is shown, and told at the end. */
  private int tables(Source source) throws IOException {
    if (options.iova != null) {
      throw VmmException.invalid(
          "%s has tables of the firmware only: --iova needs a machine or a snapshot",
          source.origin());
    }
    DumpRenderer renderer = new DumpRenderer(options.verbose, options.raw, palette, PciNames.NONE);
    int status = Tool.OK;
    List<TableReport> reports = new ArrayList<>();
    for (AcpiTable table : source.tables()) {
      TableReport report = inspectors.forTable(table).decode(table);
      if (json == null && html == null) {
        gap();
        renderer.render(report, out);
      } else {
        reports.add(report);
      }
      String mistake = mistake(report);
      if (!mistake.isEmpty()) {
        out.flush(); // what is told of a table follows it
        int reported = Tool.report("dmardump", VmmException.invalid("%s", mistake), err);
        status = Math.max(status, report.checksumValid() ? Tool.FAILED : reported);
      }
    }
    if (json != null) {
      json.source(source.origin(), source.notes(), reports, List.of(), PciNames.NONE);
    } else if (html != null) {
      html.source(source.origin(), reports, List.of(), PciNames.NONE);
    }
    return status;
  }

  private static String mistake(TableReport report) {
    if (!report.checksumValid()) {
      return Message.format(
          "%s has a wrong checksum at offset 0x9: its %d bytes must add up to 0; the file may be damaged",
          report.origin(), report.lengthBytes());
    }
    int problems = report.problems().size();
    if (problems == 0) {
      return "";
    }
    return report.origin()
        + " has a problem: "
        + report.problems().get(0)
        + (problems == 1 ? "" : " (and " + (problems - 1) + " more, listed with the table)");
  }

  private int machine(Source source, Machine machine) throws IOException {
    if (options.iova != null) {
      return walk(machine);
    }
    List<UnitReport> units = inspectors.inspect(machine);
    List<TableReport> reports = new ArrayList<>();
    for (AcpiTable table : source.tables()) {
      reports.add(inspectors.forTable(table).decode(table));
    }
    PciNames names = PciNames.of(machine);
    if (json != null) {
      json.source(source.origin(), source.notes(), reports, units, names);
    } else if (html != null) {
      html.source(source.origin(), reports, units, names);
    } else {
      DumpRenderer renderer = new DumpRenderer(options.verbose, options.raw, palette, names);
      if (options.verbose) {
        for (TableReport report : reports) {
          gap();
          renderer.render(report, out);
        }
      }
      for (UnitReport unit : units) {
        gap();
        renderer.render(unit, out);
      }
    }
    if (units.isEmpty()) {
      throw new VmmException(
          Errno.ENXIO,
          Message.format(
              "machine %s has no I/O MMU: no unit is described by a table of firmware that a back end here decodes (%s)",
              source.origin(), String.join(", ", inspectors.signatures())));
    }
    return units.stream().allMatch(unit -> DumpRenderer.problemsOf(unit).isEmpty())
        ? Tool.OK
        : Tool.FAILED;
  }

  private int walk(Machine machine) throws IOException {
    Rid rid = device(Objects.requireNonNull(options.device));
    long iova = address(Objects.requireNonNull(options.iova));
    WalkReport walk =
        inspectors
            .walk(machine, rid, iova)
            .orElseThrow(
                () ->
                    new VmmException(
                        Errno.ENXIO,
                        "no unit of machine " + machine.name() + " translates for " + rid));
    if (json != null) {
      json.walk(walk);
    } else {
      gap();
      new DumpRenderer(options.verbose, palette).render(walk, out);
    }
    return walk.translation().isPresent() ? Tool.OK : Tool.FAILED;
  }

  /** Reads {@code 0:3.0} (bus 0), or what {@link Rid#parse} reads. */
  static Rid device(String text) {
    return Rid.parse(text.matches("[0-9a-fA-F]{1,2}\\.[0-7]") ? "0:" + text : text);
  }

  static long address(String text) {
    return number(text, "address");
  }

  /** Reads a number, unsigned, in hex after 0x, else in decimal. */
  static long number(String text, String what) {
    try {
      return text.startsWith("0x") || text.startsWith("0X")
          ? Long.parseUnsignedLong(text.substring(2), 16)
          : Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      throw VmmException.invalid(
          "\"%s\" is no %s: expected a number of at most 64 bits, such as 0x1000", text, what);
    }
  }

  private void gap() {
    if (!first) {
      out.write('\n'); // not println, which flushes each time
    }
    first = false;
  }
}
