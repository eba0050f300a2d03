package dev.vmm.iommu.amd.model;

/** Firmware with the newest description. */
final class ModelAmdNewIvhdTest extends ModelAmdContract {
  ModelAmdNewIvhdTest() {
    super("model:amd,ivhd=40h");
  }
}
