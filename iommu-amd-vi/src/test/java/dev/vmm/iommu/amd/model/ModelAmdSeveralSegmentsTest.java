package dev.vmm.iommu.amd.model;

import dev.vmm.tck.TckSubject;

/**
 * A unit, and a device table, for each segment; in the first, memory that firmware uses through two
 * functions.
 */
final class ModelAmdSeveralSegmentsTest extends ModelAmdContract {
  ModelAmdSeveralSegmentsTest() {
    super(
        TckSubject.of("amd-vi", "model:amd,segments=2,reserved=00:1f.2+01:00.0")
            .withTunable("hw.vmm.ppt.allow_reserved", "00:1f.2 01:00.0"));
  }
}
