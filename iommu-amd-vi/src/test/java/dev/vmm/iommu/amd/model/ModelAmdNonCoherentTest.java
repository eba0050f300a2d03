package dev.vmm.iommu.amd.model;

import dev.vmm.tck.Capability;

/** A unit that sees a store only when it was flushed to it. */
final class ModelAmdNonCoherentTest extends ModelAmdContract {
  ModelAmdNonCoherentTest() {
    super("model:amd,coherent=off", Capability.COHERENT_TABLES);
  }
}
