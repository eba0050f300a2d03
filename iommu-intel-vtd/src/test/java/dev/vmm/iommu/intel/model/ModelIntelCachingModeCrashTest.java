package dev.vmm.iommu.intel.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** A unit that remembers entries which are not present, failing. */
final class ModelIntelCachingModeCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,cm=on")
        .withTunable("hw.vmm.vtd.timeout_ms", "100");
  }

  @Override
  protected int stride() {
    return 13;
  }
}
