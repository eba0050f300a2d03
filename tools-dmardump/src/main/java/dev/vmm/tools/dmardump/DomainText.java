package dev.vmm.tools.dmardump;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.PageTableVisitor;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * The page tables of one domain as text, in constant memory: read once for the widths of the
 * columns, and once more to be written.
 */
final class DomainText {
  private final DomainReport domain;
  private final Appendable out;
  private final String indent;

  DomainText(DomainReport domain, Appendable out, int depth) {
    this.domain = domain;
    this.out = out;
    this.indent = Lines.INDENT.repeat(depth);
  }

  /** Writes a line for each merged run. */
  void runs() {
    Widths widths = new Widths();
    domain.tables().visit(widths);
    domain
        .tables()
        .visit(
            new PageTableVisitor() {
              @Override
              public void run(
                  long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
                try {
                  line(widths, iova, hpa, lengthBytes, access, pageSizes);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }
            });
  }

  /** Writes a line for each present entry, those of a table below the entry that leads to it. */
  void entries(int levels) {
    domain
        .tables()
        .visit(
            new PageTableVisitor() {
              @Override
              public void entry(int level, long iova, long hpa, long raw, boolean leaf) {
                try {
                  out.append(indent);
                  Hex.blanks(out, 2 * Math.max(0, levels - level));
                  out.append('L').append((char) ('0' + level)).append(" iova ");
                  Hex.append(out, iova);
                  out.append("  entry @ ");
                  Hex.append(out, hpa);
                  out.append("  ");
                  Hex.append(out, raw);
                  out.append(leaf ? "  page\n" : "  table\n");
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              }
            });
  }

  private void line(
      Widths widths, long iova, long hpa, long lengthBytes, Access access, long pageSizes)
      throws IOException {
    long last = iova + lengthBytes - 1;
    out.append(indent).append("iova ");
    Hex.append(out, iova);
    out.append('-');
    Hex.append(out, last);
    Hex.blanks(out, widths.iova - Hex.width(iova) - Hex.width(last) + 2);
    out.append("-> hpa ");
    Hex.append(out, hpa);
    Hex.blanks(out, widths.hpa - Hex.width(hpa) + 2);
    String size = DumpRenderer.size(lengthBytes);
    out.append(size);
    Hex.blanks(out, widths.size - size.length() + 2);
    out.append(access.toString()).append("  pages ").append(sizes(pageSizes)).append('\n');
  }

  private long knownSizes;
  private String knownText = "";

  private String sizes(long pageSizes) {
    if (pageSizes != knownSizes) {
      knownSizes = pageSizes;
      knownText = DumpRenderer.pageSizes(pageSizes);
    }
    return knownText;
  }

  private static final class Widths implements PageTableVisitor {
    private int iova;
    private int hpa;
    private int size;

    @Override
    public void run(long first, long target, long lengthBytes, Access access, long pageSizes) {
      iova = Math.max(iova, Hex.width(first) + Hex.width(first + lengthBytes - 1));
      hpa = Math.max(hpa, Hex.width(target));
      size = Math.max(size, DumpRenderer.size(lengthBytes).length());
    }
  }
}
