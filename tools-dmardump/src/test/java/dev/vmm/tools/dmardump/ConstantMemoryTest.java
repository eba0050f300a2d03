package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.PageTableTotals;
import dev.vmm.iommu.inspect.PageTables;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.json.JsonDump;
import java.io.IOException;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A domain of any size is shown without an object for each of its pages. */
final class ConstantMemoryTest {
  private static final int PAGES = 1 << 19;
  private static final long FEW_BYTES = 4L << 20;

  /** Pages that never merge: each is a run of its own. */
  private static final PageTables TABLES =
      visitor -> {
        for (long i = 0; i < PAGES; i++) {
          if (i % 512 == 0) {
            visitor.table(0x1000_0000L + 8 * i, 1, i << 12);
          }
          long hpa = (i << 12 ^ 0x1000) + 0x1_0000_0000L;
          visitor.entry(1, i << 12, 0x1000_0000L + 8 * i, hpa | 3, true);
          visitor.run(i << 12, hpa, 0x1000, Access.READ_WRITE, 0x1000);
        }
      };

  private static final UnitReport UNIT =
      new UnitReport(
          "vtd0",
          "drhd",
          0xfed90000L,
          "1.0",
          0,
          List.of(),
          true,
          0x1000,
          List.of(),
          List.of(),
          List.of(
              new DomainReport(
                  1,
                  0x2000,
                  3,
                  new PageTableTotals(PAGES / 512 + 2, PAGES, PAGES, (long) PAGES << 12, 0x1000),
                  TABLES,
                  List.of())),
          List.of(),
          List.of());

  /** Only counts. */
  private static final class Counter extends Writer {
    private long characters;

    @Override
    public void write(char[] buffer, int offset, int length) {
      characters += length;
    }

    @Override
    public void write(int character) {
      characters++;
    }

    @Override
    public void write(String text, int offset, int length) {
      characters += length;
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  private interface Showing {
    void to(Writer out) throws IOException;
  }

  /** Returns the bytes that showing it takes from the heap, garbage included. */
  private static long allocated(Showing showing) throws IOException {
    return allocated(showing, PAGES);
  }

  private static long allocated(Showing showing, int pages) throws IOException {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Counter out = new Counter();
    long before = threads.getCurrentThreadAllocatedBytes();
    showing.to(out);
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(out.characters).isGreaterThan(40L * pages);
    return bytes;
  }

  @Test
  void textTakesNoMemoryForAPage() throws IOException {
    assertThat(allocated(out -> new DumpRenderer(false, Palette.PLAIN).render(UNIT, out)))
        .isLessThan(FEW_BYTES);
  }

  @Test
  void aLiveDomainIsReadWithoutAnObjectForAPage() throws IOException {
    int pages = 1 << 16;
    try (LiveUnit live = new LiveUnit("model:intel")) {
      for (long i = 0; i < pages; i++) { // neighbours in another order never merge
        live.vm.map(0x1_0000_0000L + (i << 12), (i ^ 1) << 12, 0x1000, Access.READ_WRITE);
      }
      UnitReport unit = live.units().get(0);

      assertThat(allocated(out -> new DumpRenderer(false, Palette.PLAIN).render(unit, out), pages))
          .isLessThan(16L * pages);
    }
  }

  @Test
  void rawTextTakesNoMemoryForAnEntry() throws IOException {
    assertThat(
            allocated(
                out ->
                    new DumpRenderer(false, true, Palette.PLAIN, PciNames.NONE).render(UNIT, out)))
        .isLessThan(FEW_BYTES);
  }

  @Test
  void jsonTakesNoMemoryForAPage() throws IOException {
    assertThat(
            allocated(
                out -> {
                  try (JsonDump json = new JsonDump(out, true)) {
                    json.source("a", List.of(), List.of(), List.of(UNIT), PciNames.NONE);
                  }
                }))
        .isLessThan(FEW_BYTES);
  }
}
