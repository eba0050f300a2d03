package dev.vmm.iommu.intel.model;

import dev.vmm.tck.Capability;

/** Pages of 4 KiB only. */
final class ModelIntelSmallPagesTest extends ModelIntelContract {
  ModelIntelSmallPagesTest() {
    super("model:intel,superpages=none", Capability.SUPERPAGES);
  }
}
