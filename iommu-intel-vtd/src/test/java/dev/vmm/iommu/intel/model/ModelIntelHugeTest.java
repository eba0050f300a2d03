package dev.vmm.iommu.intel.model;

/** A host domain over a tebibyte of memory. */
final class ModelIntelHugeTest extends ModelIntelContract {
  ModelIntelHugeTest() {
    super("model:intel,ram=1T");
  }
}
