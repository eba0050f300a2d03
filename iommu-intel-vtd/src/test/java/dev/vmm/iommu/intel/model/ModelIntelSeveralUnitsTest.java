package dev.vmm.iommu.intel.model;

/** Two units, each with devices of its own. */
final class ModelIntelSeveralUnitsTest extends ModelIntelContract {
  ModelIntelSeveralUnitsTest() {
    super("model:intel,units=2");
  }
}
