package dev.vmm.iommu.amd.model;

import dev.vmm.tck.StormContract;
import dev.vmm.tck.TckSubject;

/** Several units, of which one remembers what is not present, as all do. */
final class ModelAmdSeveralUnitsStormTest extends StormContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("amd-vi", "model:amd,units=3,np-cache=on");
  }
}
