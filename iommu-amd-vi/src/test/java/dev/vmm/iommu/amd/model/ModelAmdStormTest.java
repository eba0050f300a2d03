package dev.vmm.iommu.amd.model;

import dev.vmm.tck.StormContract;
import dev.vmm.tck.TckSubject;

/** A unit as it comes. */
final class ModelAmdStormTest extends StormContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("amd-vi", "model:amd");
  }
}
