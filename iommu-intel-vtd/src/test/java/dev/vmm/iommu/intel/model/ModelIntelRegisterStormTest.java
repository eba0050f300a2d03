package dev.vmm.iommu.intel.model;

import dev.vmm.tck.StormContract;
import dev.vmm.tck.TckSubject;

/** A unit without a queue, which does not snoop. */
final class ModelIntelRegisterStormTest extends StormContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,qi=off,coherent=off");
  }

  @Override
  protected int steps() {
    return 400;
  }
}
