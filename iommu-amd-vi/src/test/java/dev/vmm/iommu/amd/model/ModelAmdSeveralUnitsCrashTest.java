package dev.vmm.iommu.amd.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** Several units, of which one fails. */
final class ModelAmdSeveralUnitsCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("amd-vi", "model:amd,units=3")
        .withTunable("hw.vmm.amdvi.timeout_ms", "100");
  }

  @Override
  protected int stride() {
    return 23;
  }
}
