package dev.vmm.iommu.amd.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** Several units, of which one fails, and a device that a bridge gives another requester id. */
final class ModelAmdSeveralUnitsCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("amd-vi", "model:amd,units=3")
        .withTunable("hw.vmm.amdvi.timeout_ms", "100");
  }

  @Override
  protected boolean behindABridge() {
    return true;
  }

  @Override
  protected int stride() {
    return 23;
  }
}
