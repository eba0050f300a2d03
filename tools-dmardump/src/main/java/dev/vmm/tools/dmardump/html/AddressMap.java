package dev.vmm.tools.dmardump.html;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.PageTableVisitor;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.tools.dmardump.DumpRenderer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Draws ranges of addresses as boxes in order, each as wide as the logarithm of its size: most of
 * an address space is empty, and a page beside a gigabyte would be no pixel wide.
 */
final class AddressMap {
  /** As many ranges are drawn, and written in the table below. */
  private static final int MAX_RANGES = 256;

  private static final int WIDTH = 960;
  private static final int BAR = 34;
  private static final int LINE = 62;

  private final Html html;

  AddressMap(Html html) {
    this.html = html;
  }

  private record Range(long start, long last, String label, String title, String style) {}

  /** Draws what a domain maps, gaps included. */
  void domain(DomainReport domain) throws IOException {
    List<Range> ranges = new ArrayList<>();
    try {
      domain
          .tables()
          .visit(
              new PageTableVisitor() {
                @Override
                public void run(
                    long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
                  if (ranges.size() < MAX_RANGES) {
                    ranges.add(
                        new Range(
                            iova,
                            iova + lengthBytes - 1,
                            DumpRenderer.size(lengthBytes) + " " + access,
                            String.format(
                                Locale.ROOT,
                                "iova 0x%x-0x%x -> hpa 0x%x, %s, %s",
                                iova,
                                iova + lengthBytes - 1,
                                hpa,
                                DumpRenderer.size(lengthBytes),
                                access),
                            access == Access.READ_WRITE ? "c1" : "c3"));
                  }
                }
              });
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    if (ranges.isEmpty()) {
      html.markup("<p>Nothing is mapped: every DMA is blocked.</p>\n");
      return;
    }
    draw(ranges, "address map of domain 0x" + Integer.toHexString(domain.domainId()));
    html.markup("<details>\n<summary>Ranges</summary>\n<table>\n");
    for (Range range : ranges) {
      html.row("td", List.of(range.title()));
    }
    html.markup("</table>\n");
    if (domain.totals().runs() > ranges.size()) {
      html.format(
          "<p>%d more ranges are left out; --json has all of them.</p>\n",
          domain.totals().runs() - ranges.size());
    }
    html.markup("</details>\n");
  }

  /** Draws the regions that firmware reserves for devices, if there are any. */
  void reserved(List<TableReport> tables) throws IOException {
    List<Range> ranges = new ArrayList<>();
    for (TableReport table : tables) {
      for (StructureReport structure : table.structures()) {
        reserved(structure, ranges);
      }
    }
    if (ranges.isEmpty()) {
      return;
    }
    ranges.sort((a, b) -> Long.compareUnsigned(a.start(), b.start()));
    html.markup("<h3>Reserved regions</h3>\n");
    draw(ranges.subList(0, Math.min(ranges.size(), MAX_RANGES)), "reserved regions");
  }

  private static void reserved(StructureReport structure, List<Range> ranges) {
    if (!structure.kind().equals("RMRR") && !structure.kind().startsWith("IVMD")) {
      return;
    }
    long start = 0;
    long last = 0;
    for (FieldReport field : structure.fields()) {
      if (!field.raw().startsWith("0x")) {
        continue;
      }
      String name = field.name();
      long value = Long.parseUnsignedLong(field.raw().substring(2), 16);
      if (name.matches(".*(Base|Start) Address")) {
        start = value;
        last = last == 0 ? value : last;
      } else if (name.matches(".*Limit Address")) {
        last = value;
      } else if (name.matches(".*(Block|Memory) Length")) {
        if (value == 0) {
          return; // reserves nothing; the problems say so
        }
        last = start + value - 1;
      }
    }
    if (Long.compareUnsigned(last, start) < 0) {
      return; // reserves nothing, too
    }
    String title =
        String.format(
            Locale.ROOT,
            "%s at offset 0x%x: hpa 0x%x-0x%x",
            structure.kind(),
            structure.offset(),
            start,
            last);
    ranges.add(new Range(start, last, structure.kind(), title, "c4"));
  }

  private void draw(List<Range> ranges, String label) throws IOException {
    List<Range> all = withGaps(ranges);
    List<List<Range>> lines = new ArrayList<>();
    int used = WIDTH;
    for (Range range : all) {
      int width = width(range);
      if (used + width > WIDTH) {
        lines.add(new ArrayList<>());
        used = 0;
      }
      lines.get(lines.size() - 1).add(range);
      used += width;
    }
    html.format(
        "<figure>\n<svg viewBox=\"0 0 %d %d\" width=\"%d\" role=\"img\" aria-label=\"%s\">\n",
        WIDTH + 8, lines.size() * LINE + 4, WIDTH + 8, label);
    for (int i = 0; i < lines.size(); i++) {
      int x = 2;
      for (Range range : lines.get(i)) {
        int width = width(range);
        html.format(
            "<g><title>%s</title><rect class=\"box %s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
            range.title(), range.style(), x, 2 + i * LINE, width - 2, BAR);
        html.format(
            "<text class=\"small\" x=\"%d\" y=\"%d\">%s</text>",
            x + 5, 22 + i * LINE, range.label());
        html.format(
            "<text class=\"small\" x=\"%d\" y=\"%d\">0x%x</text></g>\n",
            x, 50 + i * LINE, range.start());
        x += width;
      }
    }
    html.markup("</svg>\n</figure>\n");
  }

  private static List<Range> withGaps(List<Range> ranges) {
    List<Range> all = new ArrayList<>();
    long next = 0;
    for (Range range : ranges) {
      if (Long.compareUnsigned(range.start(), next) > 0) {
        String title = String.format(Locale.ROOT, "nothing at 0x%x-0x%x", next, range.start() - 1);
        all.add(new Range(next, range.start() - 1, "", title, "gap"));
      }
      all.add(range);
      next = range.last() + 1;
    }
    return all;
  }

  /** A page is 130 wide, and each doubling adds 4: room for its label in any case. */
  private static int width(Range range) {
    int bits = 64 - Long.numberOfLeadingZeros(range.last() - range.start());
    return 130 + 4 * Math.max(0, bits - 12);
  }
}
