package dev.vmm.iommu.pagetable;

import static dev.vmm.iommu.pagetable.PageTableFormat.entryBytes;
import static dev.vmm.iommu.pagetable.PageTableFormat.entryShift;

import dev.vmm.AddressRange;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.inspect.PageTableVisitor;
import dev.vmm.iommu.inspect.PageTables;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads page tables from memory for inspection, whoever wrote them. Believes nothing but the words:
 * shares no state with {@link RadixPageTable}, and changes nothing.
 *
 * <p>A table is read once, however many links lead to it, so that the work is bounded by the RAM;
 * links that loop, leave RAM or have reserved bits are problems and are not followed.
 */
public final class PageTableWalker {
  private static final int MAX_PROBLEMS = 1000;

  private final PageTableFormat format;
  private final PhysicalMemory memory;
  private final PageTableVisitor visitor;
  private final Set<Long> seen = new HashSet<>();
  private final long[] @Nullable [] tables;
  private long problems;

  /** The run that may still grow; none while its length is 0. */
  private long runIova;

  private long runHpa;
  private long runBytes;
  private long runSizes;
  private Access runAccess = Access.READ;

  /**
   * What was found.
   *
   * @param tablePages the tables, the root included
   * @param mappings runs that are contiguous in both spaces and alike in access, by iova
   * @param problems one sentence for each entry that hardware would not accept or that was not
   *     followed; at most 1000, then one that says how many more there are
   */
  public record Result(long tablePages, List<MappingReport> mappings, List<String> problems) {
    /** Copies the lists. */
    public Result {
      mappings = List.copyOf(mappings);
      problems = List.copyOf(problems);
    }
  }

  private static final class Collector implements PageTableVisitor {
    private final List<MappingReport> mappings = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();
    private long tablePages;

    @Override
    public void table(long hpa, int level, long iova) {
      tablePages++;
    }

    @Override
    public void run(long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
      mappings.add(new MappingReport(iova, hpa, lengthBytes, access, pageSizes));
    }

    @Override
    public void problem(String problem) {
      problems.add(problem);
    }
  }

  private PageTableWalker(PageTableFormat format, PhysicalMemory memory, PageTableVisitor visitor) {
    this.format = format;
    this.memory = memory;
    this.visitor = visitor;
    this.tables = new long[format.maxLevels()][];
  }

  /** Reads the tables below a root of {@code levels} levels. Never throws for what memory holds. */
  public static Result walk(
      PageTableFormat format, PhysicalMemory memory, long rootHpa, int levels) {
    Collector collector = new Collector();
    walk(format, memory, rootHpa, levels, collector);
    return new Result(collector.tablePages, collector.mappings, collector.problems);
  }

  /**
   * Reads the tables below a root of {@code levels} levels and tells the visitor, keeping none of
   * it but where each table is. Problems are told as in {@link Result}.
   */
  public static void walk(
      PageTableFormat format,
      PhysicalMemory memory,
      long rootHpa,
      int levels,
      PageTableVisitor visitor) {
    PageTableWalker walker = new PageTableWalker(format, memory, visitor);
    if (levels < 1 || levels > format.maxLevels()) {
      walker.problem(
          "a %s page table of %d levels does not exist: expected 1 to %d",
          format.name(), levels, format.maxLevels());
    } else if (!isTable(memory, rootHpa)) {
      walker.problem("root table 0x%x is not a page in RAM", rootHpa);
    } else {
      walker.walkTable(rootHpa, levels, 0, Access.READ_WRITE);
    }
    walker.endRun();
    if (walker.problems > MAX_PROBLEMS) {
      visitor.problem(String.format(Locale.ROOT, "and %d more", walker.problems - MAX_PROBLEMS));
    }
  }

  /** Returns the tables below a root, which are read on each visit. */
  public static PageTables tables(
      PageTableFormat format, PhysicalMemory memory, long rootHpa, int levels) {
    return visitor -> walk(format, memory, rootHpa, levels, visitor);
  }

  /** Says whether a table can be at {@code hpa}: aligned, and all of it in RAM. */
  static boolean isTable(PhysicalMemory memory, long hpa) {
    if ((hpa & (PhysicalMemory.PAGE_BYTES - 1)) != 0) {
      return false;
    }
    for (AddressRange range : memory.ram()) {
      if (range.contains(hpa)) {
        return range.contains(hpa + PhysicalMemory.PAGE_BYTES - 1);
      }
    }
    return false;
  }

  private void walkTable(long table, int level, long base, Access above) {
    seen.add(table);
    visitor.table(table, level, base);
    // The highest level of a 6-level table has more entries than 64 bits of iova reach.
    int bits = 64 - entryShift(level);
    int entries = bits < 9 ? 1 << bits : TableNode.ENTRIES;
    long[] words = words(level);
    memory.read64(table, words, entries);
    for (int i = 0; i < entries; i++) {
      long entry = words[i];
      if (format.isPresent(entry)) {
        visit(entry, level, base + ((long) i << entryShift(level)), table + 8L * i, above);
      }
    }
  }

  /** Returns where the table of a level is read to: one at a time is looked at. */
  private long[] words(int level) {
    long[] words = tables[level - 1];
    if (words == null) {
      words = new long[TableNode.ENTRIES];
      tables[level - 1] = words;
    }
    return words;
  }

  private void visit(long entry, int level, long iova, long at, Access above) {
    boolean leaf = format.isLeaf(entry, level);
    visitor.entry(level, iova, at, entry, leaf);
    long reserved = entry & format.reservedBits(entry, level);
    if (reserved != 0) {
      problem(
          "level %d entry 0x%x at 0x%x (iova 0x%x) has the reserved bits 0x%x set",
          level, entry, at, iova, reserved);
    } else if (leaf) {
      long page = format.leafBytes(entry, level);
      long hpa = format.leafAddress(entry, level) + (iova & (page - 1));
      Access access = format.leafAccess(entry).and(above);
      if (access != null) {
        add(iova, hpa, entryBytes(level), access, page);
      }
    } else {
      long child = format.linkAddress(entry);
      if (level == 1) {
        problem(
            "level 1 entry 0x%x at 0x%x (iova 0x%x) is a link: expected a leaf", entry, at, iova);
      } else if (!isTable(memory, child)) {
        problem(
            "level %d entry 0x%x at 0x%x (iova 0x%x) leads to 0x%x, which is not a page in RAM",
            level, entry, at, iova, child);
      } else if (seen.contains(child)) {
        problem(
            "level %d entry 0x%x at 0x%x (iova 0x%x) leads to table 0x%x, which was reached before",
            level, entry, at, iova, child);
      } else {
        Access below = format.linkAccess(entry).and(above);
        if (below != null) {
          walkTable(child, format.linkLevel(entry, level), iova, below);
        }
      }
    }
  }

  private void add(long iova, long hpa, long bytes, Access access, long pageBytes) {
    if (runBytes != 0
        && runIova + runBytes == iova
        && runHpa + runBytes == hpa
        && runAccess == access) {
      runBytes += bytes;
      runSizes |= pageBytes;
      return;
    }
    endRun();
    runIova = iova;
    runHpa = hpa;
    runBytes = bytes;
    runSizes = pageBytes;
    runAccess = access;
  }

  private void endRun() {
    if (runBytes != 0) {
      visitor.run(runIova, runHpa, runBytes, runAccess, runSizes);
      runBytes = 0;
    }
  }

  private void problem(String form, Object... args) {
    if (problems++ < MAX_PROBLEMS) {
      visitor.problem(String.format(Locale.ROOT, form, args));
    }
  }
}
