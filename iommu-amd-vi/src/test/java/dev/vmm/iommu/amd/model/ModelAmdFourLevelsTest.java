package dev.vmm.iommu.amd.model;

/** A unit with the fewest levels. */
final class ModelAmdFourLevelsTest extends ModelAmdContract {
  ModelAmdFourLevelsTest() {
    super("model:amd,levels=4");
  }
}
