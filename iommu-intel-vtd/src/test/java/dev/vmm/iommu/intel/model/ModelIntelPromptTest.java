package dev.vmm.iommu.intel.model;

/** An invalidation is carried out before software waits for it: what comes after it is too late. */
final class ModelIntelPromptTest extends ModelIntelContract {
  ModelIntelPromptTest() {
    super("model:intel,prompt=on");
  }
}
