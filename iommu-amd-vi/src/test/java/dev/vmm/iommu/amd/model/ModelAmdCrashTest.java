package dev.vmm.iommu.amd.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** A unit as it comes, failing at every step. */
final class ModelAmdCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("amd-vi", "model:amd").withTunable("hw.vmm.amdvi.timeout_ms", "100");
  }

  @Override
  protected int stride() {
    return 11;
  }
}
