package dev.vmm.iommu.amd.model;

/** A unit that sees a store only when it was flushed to it. */
final class ModelAmdNonCoherentTest extends ModelAmdContract {
  ModelAmdNonCoherentTest() {
    super("model:amd,coherent=off");
  }
}
