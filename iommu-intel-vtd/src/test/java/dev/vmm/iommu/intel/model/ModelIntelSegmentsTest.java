package dev.vmm.iommu.intel.model;

import dev.vmm.tck.TckSubject;

/**
 * Two segments, with the same bus, device and function numbers; in the first, memory that firmware
 * uses through two functions.
 */
final class ModelIntelSegmentsTest extends ModelIntelContract {
  ModelIntelSegmentsTest() {
    super(
        TckSubject.of("intel-vtd", "model:intel,segments=2,reserved=00:1f.2+01:00.0")
            .withTunable("hw.vmm.ppt.allow_reserved", "00:1f.2 01:00.0"));
  }
}
