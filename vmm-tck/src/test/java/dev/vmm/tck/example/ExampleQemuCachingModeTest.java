package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import dev.vmm.testing.RequiresQemu;

/** The same on a unit that also caches what is not present. */
@RequiresQemu
class ExampleQemuCachingModeTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "qemu:intel,caching-mode=on")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.INTERRUPT_REMAPPING,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
