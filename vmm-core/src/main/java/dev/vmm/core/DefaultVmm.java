package dev.vmm.core;

import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;

/** The platform; its rooms follow. */
final class DefaultVmm implements Vmm {
  DefaultVmm(Machine machine, Tunables tunables) {
    throw new UnsupportedOperationException(machine.name() + tunables.names());
  }

  @Override
  public Machine machine() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Tunables tunables() {
    throw new UnsupportedOperationException();
  }

  @Override
  public IommuService iommu() {
    throw new UnsupportedOperationException();
  }

  @Override
  public VirtualMachine createVm(String name) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<VirtualMachine> vms() {
    throw new UnsupportedOperationException();
  }

  @Override
  public Map<String, String> sysctls() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
