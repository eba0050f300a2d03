package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;

/** The whole contract on the embedded machine; the example has no inspector, and declares none. */
class ExampleModelTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "model:intel")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.WIDTH_CHECK,
            Capability.COHERENT_TABLES,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
