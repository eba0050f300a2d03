package dev.vmm.iommu.intel.model;

import dev.vmm.tck.StormContract;
import dev.vmm.tck.TckSubject;

/** Several slow units with few domain ids. */
final class ModelIntelSeveralUnitsStormTest extends StormContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,units=3,nd=4,lag=5");
  }

  @Override
  protected int steps() {
    return 400;
  }
}
