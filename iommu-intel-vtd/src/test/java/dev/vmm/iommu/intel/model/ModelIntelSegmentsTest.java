package dev.vmm.iommu.intel.model;

/** Two segments, with the same bus, device and function numbers. */
final class ModelIntelSegmentsTest extends ModelIntelContract {
  ModelIntelSegmentsTest() {
    super("model:intel,segments=2");
  }
}
