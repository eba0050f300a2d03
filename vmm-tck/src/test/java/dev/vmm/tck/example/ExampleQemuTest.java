package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import dev.vmm.testing.RequiresQemu;

/** The same on the unit of QEMU, which others wrote; tables of three levels. */
@RequiresQemu
class ExampleQemuTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "qemu:intel")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.WIDTH_CHECK,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
