package dev.vmm.tools.dmardump;

import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.PageTableTotals;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Writes reports as text, in the shape that users of FreeBSD's dmardump know. Knows only the
 * neutral model, so every back end's units and tables look alike.
 *
 * <p>Immutable and thread-safe.
 */
public final class DumpRenderer {
  /** A longer scope gets a line for each of its devices. */
  private static final int MAX_SCOPE = 80;

  private final boolean verbose;
  private final boolean raw;
  private final Palette palette;
  private final PciNames names;

  /**
   * Creates a renderer.
   *
   * @param verbose whether registers are shown with their fields, and tables with all of theirs
   * @param palette the colours
   */
  public DumpRenderer(boolean verbose, Palette palette) {
    this(verbose, false, palette, PciNames.NONE);
  }

  /**
   * Creates a renderer.
   *
   * @param raw whether page tables are shown entry by entry
   * @param names what is behind requester ids
   */
  public DumpRenderer(boolean verbose, boolean raw, Palette palette, PciNames names) {
    this.verbose = verbose;
    this.raw = raw;
    this.palette = palette;
    this.names = names;
  }

  /**
   * Writes a unit: its line, scope, root, every device entry by bus, then each domain's page tables
   * as merged runs, the recorded faults, and problems.
   *
   * @throws IOException from {@code out}
   */
  public void render(UnitReport unit, Appendable out) throws IOException {
    Lines lines = new Lines();
    lines.add(
        0,
        palette.strong(
            String.format(
                Locale.ROOT,
                "%s @ 0x%x (version %s) PCI segment %d:",
                unit.kind(),
                unit.baseHpa(),
                unit.version(),
                unit.segment())));
    lines.add(
        1,
        "Unit " + unit.name() + ", translation " + (unit.enabled() ? "on" : palette.strong("off")));
    scope(unit, lines);
    if (unit.enabled() && !unit.owner().isEmpty()) {
      lines.add(1, "In use: " + unit.owner());
    }
    lines.add(
        1, unit.rootTable() == 0 ? "Root table: none" : "Root table @ " + hex(unit.rootTable()));
    devices(unit, lines);
    out.append(lines.take());
    try {
      for (DomainReport domain :
          unit.domains().stream()
              .sorted(Comparator.comparingInt(DomainReport::domainId))
              .toList()) {
        domain(unit, domain, lines, out);
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    UnitText.queues(unit.queues(), lines);
    UnitText.interrupts(unit.interrupts(), verbose, lines);
    for (DmaFault fault : unit.faults()) {
      lines.add(1, "Fault: " + text(fault));
    }
    if (verbose) {
      TableText.registers(unit.registers(), lines, palette);
    }
    problems(unit.problems(), 1, lines);
    out.append(lines.take());
  }

  /**
   * Writes a firmware table: header, every structure with its fields and sub-structures, and
   * problems. Unless verbose, fields that a heading repeats and empty reserved ones are left out.
   *
   * @throws IOException from {@code out}
   */
  public void render(TableReport table, Appendable out) throws IOException {
    Lines lines = new Lines();
    lines.add(
        0,
        // Not String.format: the first of it costs a tenth of the whole run of a table.
        palette.strong(
                table.signature()
                    + " ("
                    + table.origin()
                    + ") "
                    + table.lengthBytes()
                    + " bytes, checksum ")
            + (table.checksumValid() ? palette.strong("good") : palette.bad("wrong"))
            + palette.strong(":"));
    TableText text = new TableText(verbose, palette, lines);
    text.fields(table.header(), 1);
    text.structures(table.structures(), 1);
    problems(table.problems(), 1, lines);
    out.append(lines.take());
  }

  /**
   * Writes how an address is translated, an entry a line, and where it leads or why it faults.
   *
   * @throws IOException from {@code out}
   */
  public void render(WalkReport walk, Appendable out) throws IOException {
    Lines lines = new Lines();
    lines.add(
        0,
        palette.strong(
            String.format(
                Locale.ROOT,
                "%s iova 0x%x through unit %s:",
                walk.rid(),
                walk.iova(),
                walk.unit())));
    List<List<String>> rows = new ArrayList<>();
    for (WalkReport.Step step : walk.steps()) {
      rows.add(
          List.of(
              step.what() + " [" + hex(step.index()) + "]",
              "@ " + hex(step.hpa()),
              step.raw(),
              step.meaning()));
    }
    Text.align(rows).forEach(row -> lines.add(1, row));
    walk.translation()
        .ifPresent(
            t ->
                lines.add(
                    1,
                    palette.good(
                        String.format(
                            Locale.ROOT,
                            "hpa 0x%x, %s, page of %s",
                            t.hpa(),
                            t.access(),
                            size(t.pageBytes())))));
    if (!walk.fault().isEmpty()) {
      lines.add(1, palette.bad("faults:") + " " + walk.fault());
    }
    out.append(lines.take());
  }

  /** Returns the problems of a unit and of its domains' tables. */
  public static List<String> problemsOf(UnitReport unit) {
    List<String> problems = new ArrayList<>(unit.problems());
    unit.domains().forEach(domain -> problems.addAll(domain.problems()));
    return problems;
  }

  /** Returns a fault in one line, without the unit's name. */
  public static String text(DmaFault fault) {
    return String.format(
        Locale.ROOT,
        "%s %s 0x%x, reason 0x%x %s",
        fault.rid(),
        fault.access().writable() ? "write to" : "read of",
        fault.iova(),
        fault.reasonCode(),
        fault.reason());
  }

  /**
   * Returns a length of memory in the largest unit that it is a multiple of, such as {@code 2M}.
   */
  public static String size(long lengthBytes) {
    if (lengthBytes == 0) {
      return "0";
    }
    int unit = Math.min(Long.numberOfTrailingZeros(lengthBytes) / 10, 4);
    return Long.toUnsignedString(lengthBytes >>> (10 * unit))
        + (unit == 0 ? "" : "KMGT".charAt(unit - 1));
  }

  /** Returns page sizes, or-ed together, such as {@code 4K/2M}. */
  static String pageSizes(long sizes) {
    List<String> texts = new ArrayList<>();
    for (long rest = sizes; rest != 0; rest &= rest - 1) {
      texts.add(size(Long.lowestOneBit(rest)));
    }
    return String.join("/", texts);
  }

  private static void scope(UnitReport unit, Lines lines) {
    String inOne = unit.scope().isEmpty() ? "none" : String.join(", ", unit.scope());
    if (inOne.length() <= MAX_SCOPE) {
      lines.add(1, "Device scope: " + inOne);
      return;
    }
    lines.add(1, "Device scope:");
    unit.scope().forEach(device -> lines.add(2, device));
  }

  private void devices(UnitReport unit, Lines lines) {
    if (unit.devices().isEmpty()) {
      if (unit.rootTable() != 0) {
        lines.add(1, "No device entries");
      }
      return;
    }
    List<List<String>> rows = new ArrayList<>();
    for (DeviceEntryReport device : unit.devices()) {
      boolean translates = device.levels() > 0;
      rows.add(
          List.of(
              device.rid().toString(),
              "domain " + hex(device.domainId()),
              device.type(),
              translates ? device.levels() + "-level" : "",
              translates ? device.widthBits() + " bits" : "",
              translates ? "table " + hex(device.tableRoot()) : "",
              names.of(device.rid())));
    }
    List<String> aligned = Text.align(rows);
    int bus = -1;
    for (int i = 0; i < aligned.size(); i++) {
      DeviceEntryReport device = unit.devices().get(i);
      if (device.rid().bus() != bus) {
        bus = device.rid().bus();
        lines.add(1, String.format(Locale.ROOT, "Bus 0x%02x:", bus));
      }
      lines.add(2, aligned.get(i));
      if (verbose) {
        lines.add(3, palette.faint("entry " + device.raw()));
      }
    }
  }

  private void domain(UnitReport unit, DomainReport domain, Lines lines, Appendable out)
      throws IOException {
    long users =
        unit.devices().stream()
            .filter(
                device ->
                    device.domainId() == domain.domainId()
                        && device.tableRoot() == domain.tableRoot())
            .count();
    lines.add(
        1,
        String.format(
            Locale.ROOT,
            "Domain 0x%x, table 0x%x: %d-level, %s, %s",
            domain.domainId(),
            domain.tableRoot(),
            domain.levels(),
            count(domain.tablePages(), "table page"),
            count(users, "device entry")));
    PageTableTotals totals = domain.totals();
    if (totals.runs() == 0) {
      lines.add(2, "nothing is mapped: every DMA is blocked");
    }
    out.append(lines.take());
    DomainText text = new DomainText(domain, out, 2);
    if (raw) {
      text.entries(domain.levels());
    } else {
      text.runs();
    }
    if (totals.runs() > 1) {
      lines.add(
          2,
          String.format(
              Locale.ROOT,
              "total %s in %s, pages %s",
              size(totals.mappedBytes()),
              count(totals.runs(), "range"),
              pageSizes(totals.pageSizes())));
    }
    problems(domain.problems(), 2, lines);
    out.append(lines.take());
  }

  private void problems(List<String> problems, int depth, Lines lines) {
    for (String problem : problems) {
      lines.add(depth, palette.bad("problem:") + " " + problem);
    }
  }

  /** Returns a number of things, in the plural unless it is one: {@code 3 entries}. */
  public static String count(long number, String noun) {
    String plural = noun.endsWith("y") ? noun.substring(0, noun.length() - 1) + "ies" : noun + "s";
    return number + " " + (number == 1 ? noun : plural);
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }
}
