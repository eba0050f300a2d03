package dev.vmm.iommu.intel.model;

/** A unit that keeps no order between descriptors but what a wait asks for. */
final class ModelIntelLooseOrderTest extends ModelIntelContract {
  ModelIntelLooseOrderTest() {
    super("model:intel,order=loose");
  }
}
