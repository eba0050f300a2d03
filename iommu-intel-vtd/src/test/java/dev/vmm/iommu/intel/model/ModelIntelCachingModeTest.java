package dev.vmm.iommu.intel.model;

/** Entries that are not present may be cached, so new ones must be announced. */
final class ModelIntelCachingModeTest extends ModelIntelContract {
  ModelIntelCachingModeTest() {
    super("model:intel,cm=on");
  }
}
