package dev.vmm.iommu.intel.model;

/** 39-bit addresses: three levels of tables. */
final class ModelIntelNarrowTest extends ModelIntelContract {
  ModelIntelNarrowTest() {
    super("model:intel,aw=39");
  }
}
