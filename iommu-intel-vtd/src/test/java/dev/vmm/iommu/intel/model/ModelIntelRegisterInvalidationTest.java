package dev.vmm.iommu.intel.model;

import dev.vmm.tck.Capability;

/** No invalidation queue. */
final class ModelIntelRegisterInvalidationTest extends ModelIntelContract {
  ModelIntelRegisterInvalidationTest() {
    super("model:intel,qi=off", Capability.INTERRUPT_REMAPPING);
  }
}
