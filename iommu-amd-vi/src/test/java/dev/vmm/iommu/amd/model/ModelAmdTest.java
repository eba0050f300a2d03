package dev.vmm.iommu.amd.model;

/** A unit as it comes. */
final class ModelAmdTest extends ModelAmdContract {
  ModelAmdTest() {
    super("model:amd");
  }
}
