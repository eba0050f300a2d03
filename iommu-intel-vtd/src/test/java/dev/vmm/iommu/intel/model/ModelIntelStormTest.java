package dev.vmm.iommu.intel.model;

import dev.vmm.tck.StormContract;
import dev.vmm.tck.TckSubject;

/** A unit as it comes. */
final class ModelIntelStormTest extends StormContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel");
  }
}
