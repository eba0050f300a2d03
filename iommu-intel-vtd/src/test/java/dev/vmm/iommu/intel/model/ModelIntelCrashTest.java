package dev.vmm.iommu.intel.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** A unit as it comes, failing at every step. */
final class ModelIntelCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel").withTunable("hw.vmm.vtd.timeout_ms", "100");
  }
}
