package dev.vmm.iommu.amd.model;

/** Firmware without an image of the extended features. */
final class ModelAmdOldIvhdTest extends ModelAmdContract {
  ModelAmdOldIvhdTest() {
    super("model:amd,ivhd=10h");
  }
}
