package dev.vmm.tck.example;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;

/**
 * The same on a unit that sees a store only when it was flushed, and needs its write buffer
 * flushed.
 */
class ExampleModelIncoherentTest extends BackendContract {
  @Override
  protected TckSubject subject() {
    return TckSubject.of("example-vtd", "model:intel,coherent=off,rwbf=on")
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.WIDTH_CHECK,
            Capability.VIRTUAL_FUNCTIONS);
  }
}
