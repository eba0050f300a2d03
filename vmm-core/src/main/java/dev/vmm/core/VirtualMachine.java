package dev.vmm.core;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.GuestBus;
import dev.vmm.machine.RegisterBlock;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A virtual machine as the I/O MMU sees it: guest memory, mapped device registers, passed-through
 * devices.
 *
 * <p>Thread-safe. A VM that is dropped without {@link #close()} is destroyed by the platform and
 * logged.
 */
public interface VirtualMachine extends AutoCloseable {
  /** Returns its name. */
  String name();

  /** Says whether it was destroyed. */
  boolean destroyed();

  /**
   * Returns the same VM for a device to hold as its owner: equal to this, but holding it does not
   * keep the VM from being taken for dropped.
   */
  VirtualMachine unowned();

  /**
   * Adds zeroed memory at {@code gpa}, taken from the machine and given back when the VM is
   * destroyed. If a device is assigned the memory is mapped for it before this returns; on failure
   * nothing is changed.
   *
   * @throws dev.vmm.VmmException EINVAL if unaligned or overlapping what is there, and with a
   *     device assigned also if beyond the reach of the VM's domain, where units do not translate,
   *     or in a region that firmware reserves for the device; ENOMEM; ENXIO if the VM is destroyed;
   *     EIO or ETIMEDOUT if a unit did not take the change: a device may then reach the memory
   *     though it is not the VM's, and so it is never given back to the machine
   */
  MemorySegment addMemory(long gpa, long lengthBytes, Access access);

  /** Adds memory that stays the caller's; as {@link #addMemory(long, long, Access)} in all else. */
  void addMemory(MemorySegment segment);

  /**
   * Removes the segment that begins at {@code gpa}: unmapped and flushed for devices first, then
   * freed if it was taken by this VM.
   *
   * @throws dev.vmm.VmmException ENOENT if no segment begins there; EIO or ETIMEDOUT if a device
   *     may still reach it (it is not freed then)
   */
  void removeMemory(long gpa);

  /** Returns the segments, by gpa. */
  List<MemorySegment> memory();

  /** Returns the guest's view of RAM and mapped registers. */
  GuestBus bus();

  /**
   * Lets the guest reach device registers at {@code gpa}. Not mapped for devices.
   *
   * @throws dev.vmm.VmmException EINVAL if the range is unaligned or overlaps memory or other
   *     registers
   */
  void mapRegisters(long gpa, RegisterBlock registers);

  /**
   * Ends {@link #mapRegisters} of these registers.
   *
   * @throws dev.vmm.VmmException ENOENT if they are not mapped at {@code gpa}
   */
  void unmapRegisters(long gpa, RegisterBlock registers);

  /** Returns the VM's domain; empty while no device is assigned. */
  Optional<Domain> domain();

  /** Returns the assigned devices, in the order of assignment. */
  List<PassthroughDevice> devices();

  /**
   * Takes a device in: starts the I/O MMU if this is the first, creates the VM's domain over all
   * its memory if this is its first device, then runs {@code step} with the domain, which must move
   * the device or fail without a trace. After a failure everything is as before, a domain created
   * for it freed; a started I/O MMU stays on.
   *
   * <p>The domain reaches all memory that is there, and 2^39 - 1 at least (less if the units are
   * narrower), so that memory can be added later.
   *
   * <p>Holds the VM's lock throughout; lock order is VM, then device, then I/O MMU.
   *
   * @throws dev.vmm.VmmException ENXIO with {@link Presence#REFUSAL} and the reason if no I/O MMU
   *     can be used, ENXIO if the VM is destroyed, EBUSY if the device is in already, else what
   *     {@code step} throws
   */
  void admit(PassthroughDevice device, Consumer<Domain> step);

  /**
   * Lets a device go: runs {@code step}, which must quiesce it and move it out of the domain
   * whatever happens, then forgets the device; the domain is closed with the last one. The device
   * is forgotten even if {@code step} fails; its failure is thrown at the end.
   *
   * @throws dev.vmm.VmmException ENOENT if the device is not in this VM, else what {@code step}
   *     throws
   */
  void dismiss(PassthroughDevice device, Runnable step);

  /**
   * Adds a listener that is told when an assigned device's DMA was stopped for too many faults, in
   * the thread that took them, see {@link IommuService#drainFaults}. No lock is held meanwhile.
   * Close the result to remove it; a listener should not hold the VM, which would then never be
   * taken for dropped.
   */
  IommuService.Listening onDmaStopped(Consumer<DmaStopped> listener);

  /**
   * Destroys the VM: unassigns all devices, then frees the domain, then the memory. Does nothing
   * the second time. Memory that a device may still reach is never freed.
   *
   * @throws dev.vmm.VmmException the first failure, after everything was tried
   */
  @Override
  void close();
}
