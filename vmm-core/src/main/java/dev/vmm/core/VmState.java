package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A virtual machine itself. Users hold a {@link VmHandle}; devices and the platform hold this, so
 * that a VM that no user holds any more can be noticed.
 *
 * <p>One lock, the outermost of the platform's (VM, device, I/O MMU), guards everything. The same
 * thread may come back in: a device's unassign, called by destroy, ends in {@link #dismiss}.
 */
final class VmState implements VirtualMachine {
  private static final Logger LOG = LoggerFactory.getLogger(VmState.class);

  private final String name;
  private final LazyIommu iommu;
  private final PhysicalMemory ram;
  private final Runnable onDestroyed;
  private final GuestAddressMap map;
  private final GuestMemory memory;
  private final GuestBus bus;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<PassthroughDevice> devices = new ArrayList<>();
  private final IdentityHashMap<PassthroughDevice, Admission> admissions = new IdentityHashMap<>();
  private final Listeners<DmaStopped> stopListeners = new Listeners<>();
  private final VmDomain domain;
  private boolean closing;
  private volatile boolean destroyed;

  VmState(String name, Machine machine, LazyIommu iommu, Runnable onDestroyed) {
    this.name = name;
    this.iommu = iommu;
    this.onDestroyed = onDestroyed;
    ram = machine.memory();
    map = new GuestAddressMap(name);
    memory = new GuestMemory(name, ram, map);
    domain = new VmDomain(name, iommu, memory);
    bus = busFor(this);
  }

  /** Returns a bus that keeps {@code holder} reachable. */
  GuestBus busFor(Object holder) {
    return new DefaultGuestBus(ram, map, holder);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public boolean destroyed() {
    return destroyed;
  }

  @Override
  public VirtualMachine unowned() {
    return this;
  }

  @Override
  public MemorySegment addMemory(long gpa, long lengthBytes, Access access) {
    lock.lock();
    try {
      requireAlive();
      memory.check(gpa, lengthBytes, access);
      domain.requireReach(gpa, lengthBytes);
      long hpa = memory.allocate(lengthBytes);
      MemorySegment segment = new MemorySegment(gpa, hpa, lengthBytes, access);
      try {
        domain.map(segment);
      } catch (VmmException e) {
        giveBackUnlessReachable(segment, e);
        throw e;
      }
      memory.add(segment, true);
      return segment;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void addMemory(MemorySegment segment) {
    lock.lock();
    try {
      requireAlive();
      memory.check(segment.gpa(), segment.lengthBytes(), segment.access());
      memory.checkHost(segment);
      domain.requireReach(segment.gpa(), segment.lengthBytes());
      domain.map(segment);
      memory.add(segment, false);
    } finally {
      lock.unlock();
    }
  }

  private void giveBackUnlessReachable(MemorySegment segment, VmmException failure) {
    if (Spi.unconfirmed(failure)) {
      LOG.error("{} of VM {} is kept for good: a device may reach it", segment, name, failure);
    } else {
      memory.giveBack(segment.hpa(), segment.lengthBytes());
    }
  }

  @Override
  public void removeMemory(long gpa) {
    lock.lock();
    try {
      requireAlive();
      MemorySegment segment = memory.at(gpa);
      unmap(segment);
      if (!memory.remove(segment)) {
        throw new VmmException(
            Errno.EIO,
            "memory "
                + segment
                + " of VM "
                + name
                + " was removed but not freed: a device may still reach it, since its domain was"
                + " not closed cleanly; do not reuse it");
      }
    } finally {
      lock.unlock();
    }
  }

  private void unmap(MemorySegment segment) {
    try {
      domain.unmap(segment);
    } catch (VmmException e) {
      if (Spi.unconfirmed(e)) {
        // Its entries are cleared, so it is no longer the devices' memory; but who can tell.
        memory.markReachable(segment);
        memory.remove(segment);
      }
      throw e;
    }
  }

  @Override
  public List<MemorySegment> memory() {
    lock.lock();
    try {
      return memory.all();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public GuestBus bus() {
    return bus;
  }

  @Override
  public void mapRegisters(long gpa, RegisterBlock registers) {
    lock.lock();
    try {
      requireAlive();
      if ((gpa & (PhysicalMemory.PAGE_BYTES - 1)) != 0) {
        throw VmmException.invalid(
            "cannot map registers at gpa 0x%x of VM %s: expected a multiple of 0x%x",
            gpa, name, PhysicalMemory.PAGE_BYTES);
      }
      GuestAddressMap.Slot slot = GuestAddressMap.Slot.of(gpa, registers);
      map.requireFree(slot.range);
      map.add(slot);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void unmapRegisters(long gpa, RegisterBlock registers) {
    lock.lock();
    try {
      requireNotDestroyed();
      GuestAddressMap.Slot slot = map.find(gpa);
      if (slot == null || slot.registers != registers || slot.range.start() != gpa) {
        throw new VmmException(
            Errno.ENOENT,
            String.format(
                "these registers are not mapped at gpa 0x%x of VM %s: give those, and the gpa, that"
                    + " mapRegisters was given",
                gpa, name));
      }
      map.remove(slot);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Optional<Domain> domain() {
    lock.lock();
    try {
      return domain.get();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<PassthroughDevice> devices() {
    lock.lock();
    try {
      return List.copyOf(devices);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void admit(PassthroughDevice device, Consumer<Domain> step) {
    lock.lock();
    try {
      requireAlive();
      if (devices.stream().anyMatch(other -> other.rid().equals(device.rid()))) {
        throw new VmmException(
            Errno.EBUSY,
            "device "
                + device.rid()
                + " is assigned to VM "
                + name
                + " already; unassign it first");
      }
      iommu.ensureOn();
      List<ReservedRegion> regions = iommu.admit(device.rid());
      boolean first = domain.get().isEmpty();
      Domain target = domain.get().orElseGet(() -> domain.create(ReservedMappings.lastOf(regions)));
      Admission admission = null;
      try {
        admission = iommu.faults().admitted(this, device, target);
        domain.reserve(device.rid(), regions);
        step.accept(target);
      } catch (RuntimeException | Error e) {
        if (admission != null) {
          iommu.faults().dismissed(admission);
        }
        putOutAfter(e, device.rid(), first);
        throw e;
      }
      devices.add(device);
      admissions.put(device, admission);
    } finally {
      lock.unlock();
    }
  }

  /** Makes sure that a device that was not taken in is not in the domain either. */
  private void putOutAfter(Throwable failure, Rid rid, boolean first) {
    Failures failures = new Failures();
    failures.attempt("blocking " + rid + " out of VM " + name, () -> domain.expel(rid));
    if (first) {
      failures.attempt("closing the domain of VM " + name, domain::close);
    } else {
      failures.attempt(
          "unmapping what is reserved for " + rid + " in VM " + name, () -> domain.unreserve(rid));
    }
    failures.suppressIn(failure);
  }

  @Override
  public void dismiss(PassthroughDevice device, Runnable step) {
    lock.lock();
    try {
      requireNotDestroyed();
      if (!devices.contains(device)) {
        throw new VmmException(
            Errno.ENOENT, "device " + device.rid() + " is not assigned to VM " + name);
      }
      Failures failures = new Failures();
      failures.attempt("unassigning " + device.rid() + " from VM " + name, step);
      forget(device, failures);
      failures.throwFirst();
    } finally {
      lock.unlock();
    }
  }

  /** Forgets a device that has left, and makes sure that it has. */
  private void forget(PassthroughDevice device, Failures failures) {
    devices.remove(device);
    Admission admission = admissions.remove(device);
    if (admission != null) {
      iommu.faults().dismissed(admission);
    }
    failures.attempt(
        "blocking " + device.rid() + " out of VM " + name, () -> domain.expel(device.rid()));
    if (devices.isEmpty()) {
      failures.attempt("closing the domain of VM " + name, domain::close);
    } else {
      failures.attempt(
          "unmapping what is reserved for " + device.rid() + " in VM " + name,
          () -> domain.unreserve(device.rid()));
    }
  }

  @Override
  public IommuService.Listening onDmaStopped(Consumer<DmaStopped> listener) {
    return stopListeners.add(listener);
  }

  void tell(DmaStopped event) {
    stopListeners.tell(event);
  }

  /** Runs {@code step} under the VM's lock; returns false, at once, if another thread has it. */
  boolean ifFree(Runnable step) {
    if (!lock.tryLock()) {
      return false;
    }
    try {
      step.run();
      return true;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (closing) {
        return;
      }
      closing = true;
      Failures failures = new Failures();
      for (PassthroughDevice device : List.copyOf(devices)) {
        failures.attempt(
            "unassigning " + device.rid() + " from VM " + name, () -> device.unassign());
        if (devices.contains(device)) {
          LOG.warn("device {} did not leave VM {} by itself", device.rid(), name);
          forget(device, failures);
        }
      }
      failures.attempt("closing the domain of VM " + name, domain::close);
      memory.close(failures);
      destroyed = true;
      onDestroyed.run();
      failures.throwFirst();
    } finally {
      lock.unlock();
    }
  }

  private void requireAlive() {
    if (closing) {
      throw gone();
    }
  }

  /** As {@link #requireAlive}, but allows what a device must do while the VM is destroyed. */
  private void requireNotDestroyed() {
    if (destroyed) {
      throw gone();
    }
  }

  private VmmException gone() {
    return new VmmException(
        Errno.ENXIO, "VM " + name + " was destroyed; create a new one with Vmm.createVm");
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other == this || (other instanceof VmHandle handle && handle.unowned() == this);
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }

  @Override
  public String toString() {
    return "VM " + name;
  }
}
