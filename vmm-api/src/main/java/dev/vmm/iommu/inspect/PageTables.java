package dev.vmm.iommu.inspect;

import java.util.List;

/**
 * The page tables of one domain, to be read as often as wanted. They are read anew each time, from
 * the machine that the report came from: only while it is open.
 */
@FunctionalInterface
public interface PageTables {
  /**
   * Reads the tables and tells the visitor.
   *
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  void visit(PageTableVisitor visitor);

  /** Returns page tables of which only these runs are known, by iova. */
  static PageTables of(List<MappingReport> runs) {
    List<MappingReport> copy = List.copyOf(runs);
    return visitor ->
        copy.forEach(
            run ->
                visitor.run(
                    run.iova(), run.hpa(), run.lengthBytes(), run.access(), run.pageSizes()));
  }
}
