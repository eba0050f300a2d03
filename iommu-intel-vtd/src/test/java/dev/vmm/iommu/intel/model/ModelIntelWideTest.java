package dev.vmm.iommu.intel.model;

/** 57-bit addresses: five levels of tables. */
final class ModelIntelWideTest extends ModelIntelContract {
  ModelIntelWideTest() {
    super("model:intel,aw=57");
  }
}
