package dev.vmm.iommu.intel.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** Several units, of which one fails, and a device that a bridge gives another requester id. */
final class ModelIntelSeveralUnitsCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,units=3,nd=4")
        .withTunable("hw.vmm.vtd.timeout_ms", "100");
  }

  @Override
  protected boolean behindABridge() {
    return true;
  }

  @Override
  protected int stride() {
    return 11;
  }
}
