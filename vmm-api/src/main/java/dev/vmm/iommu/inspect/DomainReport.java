package dev.vmm.iommu.inspect;

import dev.vmm.iommu.Access;
import java.util.ArrayList;
import java.util.List;

/**
 * The page tables that one or more device entries of a unit lead to.
 *
 * @param domainId the unit's own number of the domain
 * @param tableRoot the hpa of the top page table
 * @param levels the levels of page tables
 * @param totals what the tables add up to
 * @param tables the tables, to be read again
 * @param problems what is wrong in the tables, in words that name the entry's hpa
 */
public record DomainReport(
    int domainId,
    long tableRoot,
    int levels,
    PageTableTotals totals,
    PageTables tables,
    List<String> problems) {
  /** Copies the list. */
  public DomainReport {
    problems = List.copyOf(problems);
  }

  /**
   * A domain of which the merged runs are known and no entry.
   *
   * @param tablePages the number of table pages
   * @param mappings merged runs, by iova
   */
  public DomainReport(
      int domainId,
      long tableRoot,
      int levels,
      long tablePages,
      List<MappingReport> mappings,
      List<String> problems) {
    this(
        domainId,
        tableRoot,
        levels,
        totals(tablePages, mappings),
        PageTables.of(mappings),
        problems);
  }

  /** Reads the tables once to add them up. */
  public static DomainReport of(int domainId, long tableRoot, int levels, PageTables tables) {
    PageTableTotals.Counter counter = new PageTableTotals.Counter();
    tables.visit(counter);
    return new DomainReport(
        domainId, tableRoot, levels, counter.totals(), tables, counter.problems());
  }

  /** Returns the number of table pages, the top one included. */
  public long tablePages() {
    return totals.tablePages();
  }

  /**
   * Reads the tables again and returns all merged runs, by iova. A domain may have millions: what
   * need not hold them together visits {@link #tables()}.
   */
  public List<MappingReport> mappings() {
    List<MappingReport> runs = new ArrayList<>();
    tables.visit(
        new PageTableVisitor() {
          @Override
          public void run(long iova, long hpa, long lengthBytes, Access access, long pageSizes) {
            runs.add(new MappingReport(iova, hpa, lengthBytes, access, pageSizes));
          }
        });
    return runs;
  }

  private static PageTableTotals totals(long tablePages, List<MappingReport> mappings) {
    PageTableTotals.Counter counter = new PageTableTotals.Counter();
    PageTables.of(mappings).visit(counter);
    PageTableTotals totals = counter.totals();
    return new PageTableTotals(
        tablePages, 0, totals.runs(), totals.mappedBytes(), totals.pageSizes());
  }
}
