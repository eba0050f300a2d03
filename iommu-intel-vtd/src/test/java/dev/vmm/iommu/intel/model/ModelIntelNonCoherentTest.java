package dev.vmm.iommu.intel.model;

import dev.vmm.tck.Capability;

/** The unit does not snoop the CPU's caches. */
final class ModelIntelNonCoherentTest extends ModelIntelContract {
  ModelIntelNonCoherentTest() {
    super("model:intel,coherent=off", Capability.COHERENT_TABLES);
  }
}
