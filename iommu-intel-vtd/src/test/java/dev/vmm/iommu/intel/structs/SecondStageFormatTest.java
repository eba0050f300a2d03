package dev.vmm.iommu.intel.structs;

import dev.vmm.iommu.pagetable.PageTableFormat;
import dev.vmm.iommu.pagetable.PageTableFormatContract;

/** Second-stage tables of 3 to 5 levels against the oracle that every format must pass. */
class SecondStageFormatTest extends PageTableFormatContract {
  @Override
  protected PageTableFormat format(long pageSizes) {
    return new SecondStageFormat(46, pageSizes, false);
  }
}
