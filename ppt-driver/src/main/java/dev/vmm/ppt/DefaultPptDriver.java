package dev.vmm.ppt;

import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;

/** The driver; its rooms follow. */
final class DefaultPptDriver implements PptDriver {
  private final Vmm vmm;
  private final Waiter waiter;

  private DefaultPptDriver(Vmm vmm, Waiter waiter) {
    this.vmm = vmm;
    this.waiter = waiter;
  }

  static PptDriver open(Vmm vmm, Waiter waiter) {
    return new DefaultPptDriver(vmm, waiter);
  }

  @Override
  public PptDevice attach(Rid rid) {
    throw new UnsupportedOperationException(vmm + " " + waiter);
  }

  @Override
  public void detach(Rid rid) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<PptDevice> devices() {
    return List.of();
  }

  @Override
  public Optional<PptDevice> device(Rid rid) {
    return Optional.empty();
  }

  @Override
  public PptDevice assign(Rid rid, VirtualMachine vm) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void unassign(Rid rid, VirtualMachine vm) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void unassignAll(VirtualMachine vm) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void close() {}
}
