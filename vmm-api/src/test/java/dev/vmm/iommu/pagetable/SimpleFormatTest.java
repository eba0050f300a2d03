package dev.vmm.iommu.pagetable;

/** The engine over the format of no hardware, with every level there can be. */
class SimpleFormatTest extends PageTableFormatContract {
  @Override
  protected PageTableFormat format(long pageSizes) {
    return new SimpleFormat(6, pageSizes);
  }
}
