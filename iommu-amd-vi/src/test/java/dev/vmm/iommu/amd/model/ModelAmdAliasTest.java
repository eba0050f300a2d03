package dev.vmm.iommu.amd.model;

/** A machine on which one device's DMA carries another id, which only firmware knows. */
final class ModelAmdAliasTest extends ModelAmdContract {
  ModelAmdAliasTest() {
    super("model:amd,alias=on");
  }
}
