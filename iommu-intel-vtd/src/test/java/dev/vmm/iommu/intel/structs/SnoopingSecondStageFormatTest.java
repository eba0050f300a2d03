package dev.vmm.iommu.intel.structs;

import dev.vmm.iommu.pagetable.PageTableFormat;
import dev.vmm.iommu.pagetable.PageTableFormatContract;

/** Tables for units with Snoop Control and the widest host addresses against the same oracle. */
class SnoopingSecondStageFormatTest extends PageTableFormatContract {
  @Override
  protected PageTableFormat format(long pageSizes) {
    return new SecondStageFormat(52, pageSizes, true);
  }
}
