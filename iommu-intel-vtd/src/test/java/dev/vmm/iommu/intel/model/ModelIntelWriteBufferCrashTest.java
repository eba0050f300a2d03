package dev.vmm.iommu.intel.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** A unit with a write buffer, failing. */
final class ModelIntelWriteBufferCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,rwbf=on")
        .withTunable("hw.vmm.vtd.timeout_ms", "100");
  }

  @Override
  protected int stride() {
    return 13;
  }
}
