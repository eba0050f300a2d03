package dev.vmm.iommu.amd.model;

/** Two units, each with devices of its own. */
final class ModelAmdSeveralUnitsTest extends ModelAmdContract {
  ModelAmdSeveralUnitsTest() {
    super("model:amd,units=2");
  }
}
