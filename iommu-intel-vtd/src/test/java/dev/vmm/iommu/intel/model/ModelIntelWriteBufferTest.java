package dev.vmm.iommu.intel.model;

/** Stores stay in a buffer until it is flushed. */
final class ModelIntelWriteBufferTest extends ModelIntelContract {
  ModelIntelWriteBufferTest() {
    super("model:intel,rwbf=on");
  }
}
