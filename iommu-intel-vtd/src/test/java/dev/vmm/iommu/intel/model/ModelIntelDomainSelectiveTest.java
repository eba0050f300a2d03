package dev.vmm.iommu.intel.model;

/** No page-selective invalidation. */
final class ModelIntelDomainSelectiveTest extends ModelIntelContract {
  ModelIntelDomainSelectiveTest() {
    super("model:intel,psi=off");
  }
}
