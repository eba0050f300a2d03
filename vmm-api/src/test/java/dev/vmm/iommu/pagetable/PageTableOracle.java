package dev.vmm.iommu.pagetable;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.MappingReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a page table should hold, unit by unit of its steps: nothing clever that could be wrong. All
 * ranges are multiples of the unit.
 */
final class PageTableOracle {
  /** Where a page leads. */
  record Page(long hpa, Access access) {}

  private final long unit;

  private final TreeMap<Long, Page> pages = new TreeMap<>(Long::compareUnsigned);

  PageTableOracle(long unit) {
    this.unit = unit;
  }

  PageTableOracle copy() {
    PageTableOracle copy = new PageTableOracle(unit);
    copy.pages.putAll(pages);
    return copy;
  }

  /** Maps, and returns true; or does nothing and returns false if any page is mapped already. */
  boolean map(long iova, long hpa, long lengthBytes, Access access) {
    if (firstMapped(iova, lengthBytes).isPresent()) {
      return false;
    }
    for (long at = 0; at < lengthBytes; at += unit) {
      pages.put(iova + at, new Page(hpa + at, access));
    }
    return true;
  }

  boolean unmap(long iova, long lengthBytes) {
    Map<Long, Page> range = pages.subMap(iova, true, iova + lengthBytes - 1, true);
    boolean any = !range.isEmpty();
    range.clear();
    return any;
  }

  Optional<Long> firstMapped(long iova, long lengthBytes) {
    Long page = pages.ceilingKey(iova);
    return page != null && Long.compareUnsigned(page, iova + lengthBytes - 1) <= 0
        ? Optional.of(page)
        : Optional.empty();
  }

  Optional<Page> page(long iova) {
    Page first = pages.get(iova & -unit);
    long offset = iova & (unit - 1) & -4096L;
    return Optional.ofNullable(first).map(page -> new Page(page.hpa() + offset, page.access()));
  }

  boolean isEmpty() {
    return pages.isEmpty();
  }

  /** Returns the runs, whatever pages they are made of: {@code pageSizes} is 0. */
  List<MappingReport> runs() {
    List<MappingReport> runs = new ArrayList<>();
    for (Map.Entry<Long, Page> entry : pages.entrySet()) {
      long iova = entry.getKey();
      Page page = entry.getValue();
      MappingReport last = runs.isEmpty() ? null : runs.get(runs.size() - 1);
      if (last != null
          && last.iova() + last.lengthBytes() == iova
          && last.hpa() + last.lengthBytes() == page.hpa()
          && last.access() == page.access()) {
        runs.set(
            runs.size() - 1,
            new MappingReport(
                last.iova(), last.hpa(), last.lengthBytes() + unit, last.access(), 0));
      } else {
        runs.add(new MappingReport(iova, page.hpa(), unit, page.access(), 0));
      }
    }
    return runs;
  }
}
