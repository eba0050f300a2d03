package dev.vmm.iommu.inspect;

import java.util.List;

/**
 * The page tables that one or more device entries of a unit lead to.
 *
 * @param domainId the unit's own number of the domain
 * @param tableRoot the hpa of the top page table
 * @param levels the levels of page tables
 * @param tablePages the number of table pages, the top one included
 * @param mappings merged runs, by iova
 * @param problems what is wrong in the tables, in words that name the entry's hpa
 */
public record DomainReport(
    int domainId,
    long tableRoot,
    int levels,
    long tablePages,
    List<MappingReport> mappings,
    List<String> problems) {
  /** Copies the lists. */
  public DomainReport {
    mappings = List.copyOf(mappings);
    problems = List.copyOf(problems);
  }
}
