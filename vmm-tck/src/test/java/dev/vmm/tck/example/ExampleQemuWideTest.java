package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import dev.vmm.testing.RequiresQemu;

/** The same on a unit of 48 bits: tables of four levels where a domain needs them. */
@RequiresQemu
class ExampleQemuWideTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "qemu:intel,aw-bits=48")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.INTERRUPT_REMAPPING,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
