package dev.vmm.iommu.intel.model;

/** Sixteen domain ids. */
final class ModelIntelFewDomainsTest extends ModelIntelContract {
  ModelIntelFewDomainsTest() {
    super("model:intel,nd=4");
  }
}
