package dev.vmm.iommu.intel.model;

import dev.vmm.tck.StormContract;
import dev.vmm.tck.TckSubject;

/** A unit with a write buffer. */
final class ModelIntelWriteBufferStormTest extends StormContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,rwbf=on");
  }

  @Override
  protected int steps() {
    return 300;
  }
}
