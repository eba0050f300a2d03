package dev.vmm.iommu.inspect;

import dev.vmm.iommu.Access;
import java.util.ArrayList;
import java.util.List;

/**
 * What the page tables of a domain add up to.
 *
 * @param tablePages the number of table pages, the top one included
 * @param leaves the number of entries that map a page
 * @param runs the number of merged runs
 * @param mappedBytes the bytes that can be reached
 * @param pageSizes the page sizes used, or-ed together
 */
public record PageTableTotals(
    long tablePages, long leaves, long runs, long mappedBytes, long pageSizes) {

  /** Adds up what a visit tells. Not thread-safe. */
  public static final class Counter implements PageTableVisitor {
    private final List<String> problems = new ArrayList<>();
    private long tablePages;
    private long leaves;
    private long runs;
    private long mappedBytes;
    private long pageSizes;

    @Override
    public void table(long hpa, int level, long iova) {
      tablePages++;
    }

    @Override
    public void entry(int level, long iova, long hpa, long raw, boolean leaf) {
      leaves += leaf ? 1 : 0;
    }

    @Override
    public void run(long iova, long hpa, long lengthBytes, Access access, long sizes) {
      runs++;
      mappedBytes += lengthBytes;
      pageSizes |= sizes;
    }

    @Override
    public void problem(String problem) {
      problems.add(problem);
    }

    /** Returns the sums. */
    public PageTableTotals totals() {
      return new PageTableTotals(tablePages, leaves, runs, mappedBytes, pageSizes);
    }

    /** Returns the problems that were told. */
    public List<String> problems() {
      return List.copyOf(problems);
    }
  }
}
