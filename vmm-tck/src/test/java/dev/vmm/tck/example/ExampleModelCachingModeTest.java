package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;

/** The same on a unit that also caches what is not present. */
class ExampleModelCachingModeTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "model:intel,cm=on")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.WIDTH_CHECK,
            Capability.COHERENT_TABLES,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
