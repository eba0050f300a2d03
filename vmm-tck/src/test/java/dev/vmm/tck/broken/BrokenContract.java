package dev.vmm.tck.broken;

import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;

/** The contract on the broken back end. Run by {@link KitNoticesBugsTest}, not by itself. */
class BrokenContract extends BackendContract {
  private final Bug bug = BrokenProvider.bug;

  @Override
  protected TckSubject subject() {
    return TckSubject.of(BrokenProvider.NAME, "model:intel" + bug.machineOptions)
        .with(
            Capability.SUPERPAGES,
            Capability.FAULT_REPORTS,
            Capability.WIDTH_CHECK,
            Capability.COHERENT_TABLES,
            Capability.VIRTUAL_FUNCTIONS)
        .withTunable("hw.vmm.iommu.backend", BrokenProvider.NAME)
        .withTunable("hw.vmm.example.timeout_ms", "200");
  }
}
