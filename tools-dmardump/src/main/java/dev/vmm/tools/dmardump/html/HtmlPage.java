package dev.vmm.tools.dmardump.html;

import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.QueueReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.dmardump.PciNames;
import java.io.IOException;
import java.io.InputStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/**
 * One page that needs nothing but itself: no script, no font and no picture from elsewhere; light
 * or dark as the reader's system is. Written as its parts come. Not thread-safe.
 */
public final class HtmlPage implements AutoCloseable {
  private final Html html;
  private final Writer out;

  /** Begins the page. */
  public HtmlPage(Writer out) throws IOException {
    this.out = out;
    this.html = new Html(out);
    html.markup(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            + "<title>dmardump</title>\n<style>\n"
            + style()
            + "</style>\n</head>\n<body>\n<main>\n<h1>I/O MMU</h1>\n");
  }

  private static String style() throws IOException {
    try (InputStream in = HtmlPage.class.getResourceAsStream("page.css")) {
      if (in == null) {
        throw new IOException("page.css is missing from the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** Adds what one input holds: drawings first, then all of it in tables. */
  public void source(
      String origin, List<TableReport> tables, List<UnitReport> units, PciNames names)
      throws IOException {
    html.format("<section>\n<h2>%s</h2>\n", origin);
    if (!units.isEmpty()) {
      new Topology(html, names).units(units);
    } else {
      for (TableReport table : tables) {
        new Topology(html, names).table(table);
      }
    }
    new AddressMap(html).reserved(tables);
    for (UnitReport unit : units) {
      unit(unit, names);
    }
    for (TableReport table : tables) {
      table(table);
    }
    html.markup("</section>\n");
  }

  private void unit(UnitReport unit, PciNames names) throws IOException {
    html.format(
        "<h3>Unit %s</h3>\n<p>%s @ 0x%x, version %s, PCI segment %d, translation <strong>%s</strong>%s</p>\n",
        unit.name(),
        unit.kind(),
        unit.baseHpa(),
        unit.version(),
        unit.segment(),
        unit.enabled() ? "on" : "off",
        unit.owner().isEmpty() ? "" : ". In use: " + unit.owner() + ".");
    problems(unit.problems());
    for (DmaFault fault : unit.faults()) {
      html.format("<p class=\"bad\">Fault: %s</p>\n", DumpRenderer.text(fault));
    }
    for (DomainReport domain : unit.domains()) {
      html.format(
          "<h4>Domain 0x%x <small>table 0x%x, %d-level, %s, %s mapped in %s</small></h4>\n",
          domain.domainId(),
          domain.tableRoot(),
          domain.levels(),
          DumpRenderer.count(domain.tablePages(), "table page"),
          DumpRenderer.size(domain.totals().mappedBytes()),
          DumpRenderer.count(domain.totals().runs(), "range"));
      new AddressMap(html).domain(domain);
      problems(domain.problems());
    }
    devices(unit, names);
    for (QueueReport queue : unit.queues()) {
      html.format(
          "<p>%s @ 0x%x: %d entries, head 0x%x, tail 0x%x, %s</p>\n",
          queue.name(), queue.hpa(), queue.entries(), queue.head(), queue.tail(), queue.state());
    }
    interrupts(unit.interrupts());
    registers(unit.registers());
  }

  private void devices(UnitReport unit, PciNames names) throws IOException {
    if (unit.devices().isEmpty()) {
      return;
    }
    html.markup("<details open>\n<summary>Device entries</summary>\n<table>\n");
    html.row(
        "th", List.of("requester id", "function", "domain", "type", "width", "table", "entry"));
    for (DeviceEntryReport device : unit.devices()) {
      html.row(
          "td",
          List.of(
              device.rid().toString(),
              names.of(device.rid()),
              "0x" + Integer.toHexString(device.domainId()),
              device.type(),
              device.levels() == 0
                  ? ""
                  : device.levels() + "-level, " + device.widthBits() + " bits",
              device.levels() == 0 ? "" : "0x" + Long.toHexString(device.tableRoot()),
              device.raw()));
    }
    html.markup("</table>\n</details>\n");
  }

  private void interrupts(List<InterruptTableReport> tables) throws IOException {
    for (InterruptTableReport table : tables) {
      html.format(
          "<details>\n<summary>Interrupt-remapping table of %s @ 0x%x, %s, %s, %d of %d present</summary>\n<table>\n",
          table.of(),
          table.hpa(),
          table.enabled() ? "on" : "off",
          table.mode(),
          table.present().size(),
          table.entries());
      html.row("th", List.of("index", "entry", "meaning", "fields"));
      for (InterruptTableReport.Entry entry : table.present()) {
        html.row(
            "td",
            List.of(
                "0x" + Integer.toHexString(entry.index()),
                entry.raw(),
                entry.meaning(),
                inline(entry.fields())));
      }
      html.markup("</table>\n</details>\n");
    }
  }

  private static String inline(List<FieldReport> fields) {
    return String.join(" ", fields.stream().map(FieldReport::text).toList());
  }

  private void registers(List<RegisterReport> registers) throws IOException {
    if (registers.isEmpty()) {
      return;
    }
    html.markup("<details>\n<summary>Registers</summary>\n<table>\n");
    html.row("th", List.of("offset", "register", "value", "fields"));
    for (RegisterReport register : registers) {
      html.row(
          "td",
          List.of(
              "0x" + Long.toHexString(register.offset()),
              register.name(),
              "0x" + Long.toHexString(register.raw()),
              inline(register.fields())));
    }
    html.markup("</table>\n</details>\n");
  }

  private void table(TableReport table) throws IOException {
    html.format(
        "<h3>Table %s</h3>\n<p>%d bytes, checksum %s</p>\n",
        table.signature(), table.lengthBytes(), table.checksumValid() ? "good" : "wrong");
    problems(table.problems());
    html.markup("<details>\n<summary>Header</summary>\n");
    fields(table.header());
    html.markup("</details>\n");
    structures(table.structures());
  }

  private void structures(List<StructureReport> structures) throws IOException {
    for (StructureReport structure : structures) {
      html.format(
          "<details>\n<summary>%s <small>offset 0x%x, %d bytes</small></summary>\n",
          structure.kind(), structure.offset(), structure.lengthBytes());
      fields(structure.fields());
      structures(structure.children());
      html.markup("</details>\n");
    }
  }

  private void fields(List<FieldReport> fields) throws IOException {
    html.markup("<table>\n");
    for (FieldReport field : fields) {
      html.row(
          "td",
          List.of(
              field.offset() < 0 ? "" : String.format(Locale.ROOT, "0x%x", field.offset()),
              field.name(),
              field.raw(),
              field.meaning()));
    }
    html.markup("</table>\n");
  }

  private void problems(List<String> problems) throws IOException {
    for (String problem : problems) {
      html.format("<p class=\"bad\">problem: %s</p>\n", problem);
    }
  }

  /** Ends the page; the writer stays open. */
  @Override
  public void close() throws IOException {
    html.markup("</main>\n</body>\n</html>\n");
    out.flush();
  }
}
