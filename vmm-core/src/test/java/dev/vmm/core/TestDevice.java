package dev.vmm.core;

import dev.vmm.pci.Rid;
import java.util.List;

/** A device as the ppt driver would handle it, reduced to its moves. */
final class TestDevice implements PassthroughDevice {
  private final IommuService iommu;
  private final VirtualMachine vm;
  private final Rid rid;

  TestDevice(Vmm vmm, VirtualMachine vm, Rid rid) {
    this.iommu = vmm.iommu();
    this.vm = vm.unowned();
    this.rid = rid;
  }

  void assign() {
    vm.admit(this, domain -> iommu.move(List.of(rid), domain));
  }

  @Override
  public Rid rid() {
    return rid;
  }

  @Override
  public void unassign() {
    vm.dismiss(this, () -> iommu.release(List.of(rid)));
  }
}
