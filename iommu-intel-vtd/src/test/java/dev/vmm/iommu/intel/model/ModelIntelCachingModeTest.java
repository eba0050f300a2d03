package dev.vmm.iommu.intel.model;

import org.junit.jupiter.api.Disabled;

/** Entries that are not present may be cached, so new ones must be announced. */
@Disabled(
    "TABLE_FREED: where a map merges pages into a superpage, the unit still knows the old table;"
        + " to be settled whether the flush or the model is wrong")
final class ModelIntelCachingModeTest extends ModelIntelContract {
  ModelIntelCachingModeTest() {
    super("model:intel,cm=on");
  }
}
