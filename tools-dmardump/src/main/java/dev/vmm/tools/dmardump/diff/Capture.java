package dev.vmm.tools.dmardump.diff;

import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import java.util.List;

/**
 * One side of a comparison.
 *
 * @param tables its firmware tables
 * @param units its units, empty if it is tables only
 */
public record Capture(List<TableReport> tables, List<UnitReport> units) {
  /** Copies the lists. */
  public Capture {
    tables = List.copyOf(tables);
    units = List.copyOf(units);
  }
}
