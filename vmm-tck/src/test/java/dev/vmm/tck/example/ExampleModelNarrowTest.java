package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;

/** The same on a unit of 39 bits. */
class ExampleModelNarrowTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "model:intel,aw=39")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.COHERENT_TABLES,
            Capability.INTERRUPT_REMAPPING,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
