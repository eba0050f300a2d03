package dev.vmm.tck;

import dev.vmm.core.IommuService;
import dev.vmm.core.PassthroughDevice;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A function that is given to guests without being reset: for tests of the platform that make
 * hundreds of assigns.
 */
final class TckDevice implements PassthroughDevice {
  private final Rid rid;
  private final IommuService iommu;
  private @Nullable VirtualMachine owner;

  TckDevice(Rid rid, IommuService iommu) {
    this.rid = rid;
    this.iommu = iommu;
  }

  @Override
  public Rid rid() {
    return rid;
  }

  @Nullable VirtualMachine owner() {
    return owner;
  }

  void assign(VirtualMachine vm) {
    vm.admit(this, domain -> iommu.move(List.of(rid), domain));
    owner = vm.unowned();
  }

  @Override
  public void unassign() {
    VirtualMachine vm = owner;
    if (vm != null) {
      vm.dismiss(this, () -> iommu.release(List.of(rid)));
      owner = null;
    }
  }
}
