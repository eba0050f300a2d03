package dev.vmm.iommu.intel.model;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;

/** A unit without queue, in which somebody else's invalidations are still under way. */
final class ModelIntelInheritedRegisterTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("intel-vtd", "model:intel,qi=off, inherited", InheritedUnit::invalidating)
        .with(Capability.values())
        .without(Capability.INTERRUPT_REMAPPING);
  }
}
