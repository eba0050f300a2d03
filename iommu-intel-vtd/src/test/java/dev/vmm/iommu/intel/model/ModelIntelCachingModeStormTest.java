package dev.vmm.iommu.intel.model;

import dev.vmm.tck.StormContract;
import dev.vmm.tck.TckSubject;

/** A unit that remembers entries which are not present. */
final class ModelIntelCachingModeStormTest extends StormContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,cm=on");
  }

  @Override
  protected int steps() {
    return 300;
  }
}
