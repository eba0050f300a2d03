package dev.vmm.iommu.amd.model;

/** A unit that keeps no order but what it is asked for. */
final class ModelAmdLooseOrderTest extends ModelAmdContract {
  ModelAmdLooseOrderTest() {
    super("model:amd,order=loose");
  }
}
