package dev.vmm.iommu.amd.model;

/** A unit, and a device table, for each segment. */
final class ModelAmdSeveralSegmentsTest extends ModelAmdContract {
  ModelAmdSeveralSegmentsTest() {
    super("model:amd,segments=2");
  }
}
