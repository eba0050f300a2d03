package dev.vmm.iommu.amd.structs;

import dev.vmm.iommu.pagetable.PageTableFormat;
import dev.vmm.iommu.pagetable.PageTableFormatContract;

/** Host tables of 3 to 6 levels against the oracle that every format must pass. */
class HostPageFormatTest extends PageTableFormatContract {
  @Override
  protected PageTableFormat format(long pageSizes) {
    return new HostPageFormat(pageSizes);
  }
}
