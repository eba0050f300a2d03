package dev.vmm.iommu.intel.model;

import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** A unit without a queue, with few domain ids, that does not snoop. */
final class ModelIntelRegisterCrashTest extends CrashContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,qi=off,nd=4,coherent=off")
        .withTunable("hw.vmm.vtd.timeout_ms", "100");
  }

  @Override
  protected int stride() {
    return 7;
  }
}
