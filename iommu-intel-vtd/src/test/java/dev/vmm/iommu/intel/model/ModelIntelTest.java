package dev.vmm.iommu.intel.model;

/** A unit as it comes. */
final class ModelIntelTest extends ModelIntelContract {
  ModelIntelTest() {
    super("model:intel");
  }
}
