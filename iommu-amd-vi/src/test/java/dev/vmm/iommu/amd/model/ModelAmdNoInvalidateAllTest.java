package dev.vmm.iommu.amd.model;

/** A unit that must be told each device and domain to forget. */
final class ModelAmdNoInvalidateAllTest extends ModelAmdContract {
  ModelAmdNoInvalidateAllTest() {
    super("model:amd,invalidate-all=off");
  }
}
