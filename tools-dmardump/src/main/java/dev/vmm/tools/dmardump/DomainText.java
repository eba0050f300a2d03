package dev.vmm.tools.dmardump;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.PageTableVisitor;
import dev.vmm.tools.dmardump.text.LineBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.CharBuffer;

/**
 * The page tables of one domain as text, in constant memory: read once for the widths of the
 * columns, and once more to be written. Used by one thread.
 */
final class DomainText {
  /** So much is handed on at once. */
  private static final int FULL = 1 << 14;

  private final DomainReport domain;
  private final Appendable out;
  private final String indent;
  private final LineBuffer lines = new LineBuffer();
  private final SizeText size = new SizeText();
  private final SizeText sizes = new SizeText();

  DomainText(DomainReport domain, Appendable out, int depth) {
    this.domain = domain;
    this.out = out;
    this.indent = Lines.INDENT.repeat(depth);
  }

  /** The last size with its text: neighbours are mostly alike. */
  private static final class SizeText {
    private long bytes;
    private String text = "";

    String one(long lengthBytes) {
      if (lengthBytes != bytes) {
        bytes = lengthBytes;
        text = DumpRenderer.size(lengthBytes);
      }
      return text;
    }

    String all(long pageSizes) {
      if (pageSizes != bytes) {
        bytes = pageSizes;
        text = DumpRenderer.pageSizes(pageSizes);
      }
      return text;
    }
  }

  /** Writes a line for each merged run. */
  void runs() throws IOException {
    Widths widths = new Widths();
    domain.tables().visit(widths);
    domain
        .tables()
        .visit(
            new PageTableVisitor() {
              @Override
              public void run(
                  long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
                line(widths, iova, hpa, lengthBytes, access, pageSizes);
              }
            });
    flush();
  }

  /** Writes a line for each present entry, those of a table below the entry that leads to it. */
  void entries(int levels) throws IOException {
    domain
        .tables()
        .visit(
            new PageTableVisitor() {
              @Override
              public void entry(int level, long iova, long hpa, long raw, boolean leaf) {
                lines
                    .text(indent)
                    .blanks(2 * (levels - level))
                    .text("L")
                    .digit(level)
                    .text(" iova ")
                    .hex(iova)
                    .text("  entry @ ")
                    .hex(hpa)
                    .text("  ")
                    .hex(raw)
                    .text(leaf ? "  page\n" : "  table\n");
                flushIfFull();
              }
            });
    flush();
  }

  private void line(
      Widths widths, long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
    long last = iova + lengthBytes - 1;
    String length = size.one(lengthBytes);
    lines
        .text(indent)
        .text("iova ")
        .hex(iova)
        .text("-")
        .hex(last)
        .blanks(widths.iova - LineBuffer.hexWidth(iova) - LineBuffer.hexWidth(last) + 2)
        .text("-> hpa ")
        .hex(hpa)
        .blanks(widths.hpa - LineBuffer.hexWidth(hpa) + 2)
        .text(length)
        .blanks(widths.size - length.length() + 2)
        .text(access == Access.READ_WRITE ? "rw" : access.toString())
        .text("  pages ")
        .text(sizes.all(pageSizes))
        .text("\n");
    flushIfFull();
  }

  private void flushIfFull() {
    if (lines.length() >= FULL) {
      try {
        flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void flush() throws IOException {
    if (out instanceof Writer writer) {
      writer.write(lines.chars(), 0, lines.length());
    } else {
      out.append(CharBuffer.wrap(lines.chars(), 0, lines.length()));
    }
    lines.clear();
  }

  private static final class Widths implements PageTableVisitor {
    private final SizeText text = new SizeText();
    private int iova;
    private int hpa;
    private int size;

    @Override
    public void run(long first, long target, long lengthBytes, Access access, long pageSizes) {
      iova =
          Math.max(iova, LineBuffer.hexWidth(first) + LineBuffer.hexWidth(first + lengthBytes - 1));
      hpa = Math.max(hpa, LineBuffer.hexWidth(target));
      size = Math.max(size, text.one(lengthBytes).length());
    }
  }
}
