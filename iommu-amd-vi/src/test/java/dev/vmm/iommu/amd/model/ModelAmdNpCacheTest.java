package dev.vmm.iommu.amd.model;

/** A unit that remembers what is not present. */
final class ModelAmdNpCacheTest extends ModelAmdContract {
  ModelAmdNpCacheTest() {
    super("model:amd,np-cache=on");
  }
}
