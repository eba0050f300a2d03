package dev.vmm.tools.dmardump.html;

import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.dmardump.PciNames;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Draws which devices are under which unit and in which domain, from left to right. */
final class Topology {
  /** A drawing of more devices than this tells less than the table below it. */
  private static final int MAX_ROWS = 96;

  private static final int ROW = 26;
  private static final int BOX = 20;
  private static final int LEFT_WIDTH = 340;
  private static final int UNIT_X = 420;
  private static final int UNIT_WIDTH = 190;
  private static final int DOMAIN_X = 700;
  private static final int DOMAIN_WIDTH = 260;

  private final Html html;
  private final PciNames names;

  Topology(Html html, PciNames names) {
    this.html = html;
    this.names = names;
  }

  private record Link(String label, int target, String colour) {}

  /** Draws live units: devices, the unit that translates for them, the domain they are in. */
  void units(List<UnitReport> units) throws IOException {
    for (UnitReport unit : units) {
      Map<String, Integer> domains = new LinkedHashMap<>();
      List<String> labels = new ArrayList<>();
      for (DomainReport domain : unit.domains()) {
        domains.put(key(domain.domainId(), domain.tableRoot()), labels.size());
        labels.add(
            String.format(
                "domain 0x%x: %s",
                domain.domainId(),
                domain.totals().runs() == 0
                    ? "blocked"
                    : DumpRenderer.size(domain.totals().mappedBytes()) + " mapped"));
      }
      List<Link> links = new ArrayList<>();
      for (DeviceEntryReport device : unit.devices()) {
        Integer target = domains.get(key(device.domainId(), device.tableRoot()));
        if (target == null) {
          target = domains.computeIfAbsent(device.type(), type -> labels.size());
          if (target == labels.size()) {
            labels.add(device.type());
          }
        }
        links.add(
            new Link(
                (device.rid() + " " + names.of(device.rid())).strip(), target, "c" + target % 6));
      }
      if (links.isEmpty()) {
        unit.scope().forEach(scope -> links.add(new Link(scope, -1, "c0")));
      }
      draw(
          unit.name() + (unit.enabled() ? ", on" : ", off"),
          unit.kind() + " @ 0x" + Long.toHexString(unit.baseHpa()),
          links,
          labels);
    }
  }

  /** Draws what a table says: each unit with its scopes. */
  void table(TableReport table) throws IOException {
    for (StructureReport structure : table.structures()) {
      String base = "";
      boolean all = false;
      for (var field : structure.fields()) {
        if (field.name().matches("(Register|IOMMU) Base Address|Base Address")) {
          base = field.raw();
        }
        all |= field.meaning().contains("INCLUDE_PCI_ALL");
      }
      if (!structure.kind().equals("DRHD") && !structure.kind().startsWith("IVHD")) {
        continue;
      }
      List<Link> links = new ArrayList<>();
      for (StructureReport scope : structure.children()) {
        if (scope.kind().equals("Pad")) {
          continue; // of an IVHD: it names nothing
        }
        StringBuilder label = new StringBuilder(scope.kind());
        for (var field : scope.fields()) {
          if (field.name().matches("Start Bus Number|Path|(Source )?DeviceID|Variety|ACPI HID")) {
            label.append(' ').append(field.meaning().isEmpty() ? field.raw() : field.meaning());
          }
        }
        links.add(new Link(label.toString(), -1, "c0"));
      }
      if (all) {
        links.add(new Link("all other devices of its segment", -1, "c0"));
      }
      draw(structure.kind(), "registers @ " + base, links, List.of());
    }
  }

  private static String key(int domainId, long tableRoot) {
    return domainId + "@" + tableRoot;
  }

  private void draw(String title, String subtitle, List<Link> links, List<String> domains)
      throws IOException {
    int rows = Math.min(links.size(), MAX_ROWS);
    int height = Math.max(Math.max(rows, 2), domains.size()) * ROW + 16;
    int width = domains.isEmpty() ? UNIT_X + UNIT_WIDTH + 8 : DOMAIN_X + DOMAIN_WIDTH + 8;
    html.format(
        "<figure>\n<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"%s\">\n",
        width, height, width, "devices of " + title);
    int middle = height / 2;
    int unitHeight = Math.min(height - 8, 48);
    for (int i = 0; i < rows; i++) {
      Link link = links.get(i);
      int y = 8 + i * ROW;
      curve(LEFT_WIDTH + 4, y + BOX / 2, UNIT_X, middle, link.colour());
    }
    for (int i = 0; i < domains.size(); i++) {
      curve(UNIT_X + UNIT_WIDTH, middle, DOMAIN_X, domainY(i, domains.size(), height), "c" + i % 6);
    }
    for (int i = 0; i < rows; i++) {
      Link link = links.get(i);
      box(4, 8 + i * ROW, LEFT_WIDTH, BOX, link.label(), link.colour(), 46);
    }
    html.format(
        "<rect class=\"unit\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
        UNIT_X, middle - unitHeight / 2, UNIT_WIDTH, unitHeight);
    html.format(
        "<text class=\"strong\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
        UNIT_X + UNIT_WIDTH / 2, middle - 3, title);
    html.format(
        "<text class=\"small\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
        UNIT_X + UNIT_WIDTH / 2, middle + 14, subtitle);
    for (int i = 0; i < domains.size(); i++) {
      int y = domainY(i, domains.size(), height);
      box(DOMAIN_X, y - BOX / 2, DOMAIN_WIDTH, BOX, domains.get(i), "c" + i % 6, 36);
    }
    html.markup("</svg>\n");
    if (links.size() > rows) {
      html.format(
          "<figcaption>%d more are in the table below.</figcaption>\n", links.size() - rows);
    }
    html.markup("</figure>\n");
  }

  private static int domainY(int index, int count, int height) {
    return (2 * index + 1) * height / (2 * count);
  }

  private void curve(int x1, int y1, int x2, int y2, String colour) throws IOException {
    int bend = (x1 + x2) / 2;
    html.format(
        "<path class=\"link %s\" d=\"M%d %d C%d %d %d %d %d %d\"/>\n",
        colour, x1, y1, bend, y1, bend, y2, x2, y2);
  }

  private void box(int x, int y, int width, int height, String label, String colour, int letters)
      throws IOException {
    String shown = label.length() <= letters ? label : label.substring(0, letters - 1) + "\u2026";
    html.format(
        "<g><title>%s</title><rect class=\"box %s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>",
        label, colour, x, y, width, height);
    html.format("<text x=\"%d\" y=\"%d\">%s</text></g>\n", x + 8, y + height - 6, shown);
  }
}
