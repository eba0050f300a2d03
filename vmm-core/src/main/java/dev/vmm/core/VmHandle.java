package dev.vmm.core;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.RegisterBlock;
import java.lang.ref.Cleaner;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A VM as a user holds it. When the last reference to it is dropped, the VM was leaked. */
final class VmHandle implements VirtualMachine {
  private final VmState state;
  private final GuestBus bus;
  private final Cleaner.Cleanable reaper;

  /** Watches over {@code state} with {@code cleaner}; {@code leaked} runs if this is dropped. */
  VmHandle(VmState state, Cleaner cleaner, Runnable leaked) {
    this.state = state;
    bus = state.busFor(this);
    reaper = cleaner.register(this, leaked);
  }

  @Override
  public String name() {
    return state.name();
  }

  @Override
  public boolean destroyed() {
    return state.destroyed();
  }

  @Override
  public VirtualMachine unowned() {
    return state;
  }

  @Override
  public MemorySegment addMemory(long gpa, long lengthBytes, Access access) {
    return state.addMemory(gpa, lengthBytes, access);
  }

  @Override
  public void addMemory(MemorySegment segment) {
    state.addMemory(segment);
  }

  @Override
  public void removeMemory(long gpa) {
    state.removeMemory(gpa);
  }

  @Override
  public List<MemorySegment> memory() {
    return state.memory();
  }

  @Override
  public GuestBus bus() {
    return bus;
  }

  @Override
  public void mapRegisters(long gpa, RegisterBlock registers) {
    state.mapRegisters(gpa, registers);
  }

  @Override
  public void unmapRegisters(long gpa, RegisterBlock registers) {
    state.unmapRegisters(gpa, registers);
  }

  @Override
  public Optional<Domain> domain() {
    return state.domain();
  }

  @Override
  public List<PassthroughDevice> devices() {
    return state.devices();
  }

  @Override
  public void admit(PassthroughDevice device, Consumer<Domain> step) {
    state.admit(device, step);
  }

  @Override
  public void dismiss(PassthroughDevice device, Runnable step) {
    state.dismiss(device, step);
  }

  @Override
  public IommuService.Listening onDmaStopped(Consumer<DmaStopped> listener) {
    return state.onDmaStopped(listener);
  }

  @Override
  public void close() {
    try {
      state.close();
    } finally {
      reaper.clean();
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other == this || other == state;
  }

  @Override
  public int hashCode() {
    return state.hashCode();
  }

  @Override
  public String toString() {
    return state.toString();
  }
}
