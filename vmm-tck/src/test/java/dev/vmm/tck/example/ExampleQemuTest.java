package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import dev.vmm.testing.RequiresQemu;

/** The whole contract on the unit of QEMU; the example has no inspector, and declares none. */
@RequiresQemu
class ExampleQemuTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "qemu:intel")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.INTERRUPT_REMAPPING,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
