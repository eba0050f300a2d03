package dev.vmm.iommu.inspect;

import dev.vmm.iommu.Access;

/**
 * Is told what page tables hold while they are read, in the order of iova. Nothing is kept for it,
 * so that a domain of any size can be shown in constant memory.
 *
 * <p>Called by one thread; what it throws ends the visit.
 */
public interface PageTableVisitor {
  /**
   * A table page is entered.
   *
   * @param hpa of the page
   * @param level 1 for a table whose entries map 4 KiB
   * @param iova the first that it covers
   */
  default void table(long hpa, int level, long iova) {}

  /**
   * A present entry, before what is below it.
   *
   * @param level of its table
   * @param iova the first that it covers
   * @param hpa of the entry itself
   * @param raw the word
   * @param leaf whether it maps a page rather than leads to a table
   */
  default void entry(int level, long iova, long hpa, long raw, boolean leaf) {}

  /**
   * A run of pages that are contiguous in both address spaces and alike in access, after its last
   * entry.
   *
   * @param iova the first iova
   * @param hpa the first hpa
   * @param lengthBytes the length in bytes
   * @param pageSizes the page sizes used, or-ed together
   */
  default void run(long iova, long hpa, long lengthBytes, Access access, long pageSizes) {}

  /** Something that hardware would not accept, or that was not followed; names the entry's hpa. */
  default void problem(String problem) {}
}
