package dev.vmm.iommu.support.inspect;

import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.pagetable.PageTableFormat;
import dev.vmm.iommu.pagetable.PageTableWalker;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads the page tables that a unit's device entries lead to, each once. Nothing that memory holds
 * makes it throw or go on without end. Not thread-safe.
 */
public final class DomainReader {
  private static final int MAX_DOMAINS = 4096;

  /** After so many problems in page tables memory holds garbage: reading on tells nothing new. */
  private static final int MAX_PAGE_TABLE_PROBLEMS = 4000;

  private final PhysicalMemory memory;
  private final PageTableFormat format;
  private final Problems problems;
  private final Set<Walked> walked = new HashSet<>();
  private final List<DomainReport> domains = new ArrayList<>();
  private int pageTableProblems;

  private record Walked(int domainId, long tableRoot, int levels) {}

  /**
   * A reader of one unit's domains.
   *
   * @param problems told what is left out
   */
  public DomainReader(PhysicalMemory memory, PageTableFormat format, Problems problems) {
    this.memory = memory;
    this.format = format;
    this.problems = problems;
  }

  /** Reads the tables of a device entry, unless an entry before led to them by the same id. */
  public void read(int domainId, long tableRoot, int levels) {
    if (!walked.add(new Walked(domainId, tableRoot, levels))) {
      return;
    }
    if (domains.size() == MAX_DOMAINS || pageTableProblems > MAX_PAGE_TABLE_PROBLEMS) {
      problems.add(
          "the page tables of domain id %d at 0x%x are left out, after %d domains and %d problems",
          domainId, tableRoot, domains.size(), pageTableProblems);
      return;
    }
    DomainReport domain =
        DomainReport.of(
            domainId, tableRoot, levels, PageTableWalker.tables(format, memory, tableRoot, levels));
    pageTableProblems += domain.problems().size();
    domains.add(domain);
  }

  /** Returns what was read, in the order it was met. */
  public List<DomainReport> domains() {
    return List.copyOf(domains);
  }
}
