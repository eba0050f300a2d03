package dev.vmm.tools.vmmctl.shell;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables;
import dev.vmm.core.IommuState;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tools.vmmctl.device.DeviceNames;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A machine, the platform on it, and the virtual machines that its user holds. The platform opens
 * when something first needs it; until then tunables can be set. Not thread-safe.
 */
public final class Session implements AutoCloseable {
  /** The most faults that are kept to be shown; more are counted. */
  private static final int MAX_FAULTS = 1000;

  private static final long REAP_NANOS = 10_000_000_000L;

  private final Machine machine;
  private final Map<String, VirtualMachine> vms = new LinkedHashMap<>();
  private final List<OwnedFault> faults = new ArrayList<>();
  private Tunables tunables;
  private long faultsDropped;
  private @Nullable Vmm vmm;
  private @Nullable PptDriver ppt;

  /**
   * Begins a session.
   *
   * @param machine stays the caller's to close, after the session
   */
  public Session(Machine machine, Tunables tunables) {
    this.machine = machine;
    this.tunables = tunables;
  }

  Machine machine() {
    return machine;
  }

  // Tunables.

  Tunables tunables() {
    return tunables;
  }

  /**
   * Sets a tunable for the next time that the platform opens.
   *
   * @throws VmmException EBUSY if it is open: every tunable is read then
   */
  void set(String name, String text) {
    if (isOpen()) {
      throw VmmException.of(
          Errno.EBUSY,
          "cannot set %s to \"%s\": tunables are read when the platform opens, which the first command that needs it"
              + " did; set it before that, or end the platform with \"close\" first",
          name,
          text);
    }
    tunables = tunables.with(name, text);
  }

  // The platform.

  boolean isOpen() {
    return vmm != null;
  }

  /** Returns the platform; opens it if need be. */
  Vmm vmm() {
    open();
    return Objects.requireNonNull(vmm);
  }

  /** Returns the ppt driver; opens the platform if need be. */
  PptDriver ppt() {
    open();
    return Objects.requireNonNull(ppt);
  }

  /** Returns the platform's I/O MMU's state; does not open the platform. */
  IommuState iommuState() {
    if (vmm != null) {
      return vmm.iommu().state();
    }
    return tunables.get(CoreTunables.IOMMU_ENABLE) ? IommuState.OFF : IommuState.DISABLED;
  }

  private void open() {
    if (vmm != null) {
      return;
    }
    Vmm opened = Vmm.open(machine, tunables);
    try {
      ppt = PptDriver.open(opened);
    } catch (RuntimeException e) {
      opened.close();
      throw e;
    }
    vmm = opened;
  }

  /**
   * Ends the platform: gives all devices back, destroys all VMs, turns the I/O MMU off. The next
   * command that needs it opens another.
   *
   * @throws VmmException the first failure, after everything was tried; a platform that could not
   *     be ended is tried again the next time
   */
  synchronized void closePlatform() {
    Vmm open = vmm;
    if (open == null) {
      return;
    }
    VmmException first = tried(null, this::collectFaults);
    first = tried(first, Objects.requireNonNull(ppt)::close);
    first =
        tried(
            first,
            () -> {
              open.close();
              vms.clear();
              vmm = null;
              ppt = null;
            });
    if (first != null) {
      throw first;
    }
  }

  private static @Nullable VmmException tried(@Nullable VmmException first, Runnable step) {
    try {
      step.run();
      return first;
    } catch (VmmException e) {
      if (first == null) {
        return e;
      }
      first.addSuppressed(e);
      return first;
    }
  }

  /** As {@link #closePlatform()}, at the end. */
  @Override
  public void close() {
    closePlatform();
  }

  // Functions.

  /** Reads a requester id or a short name. */
  Rid rid(String device) {
    return DeviceNames.parse(machine, device);
  }

  /**
   * Returns a function.
   *
   * @throws VmmException ENXIO if there is none
   */
  PciFunction function(String device) {
    Rid rid = rid(device);
    return machine
        .pci()
        .function(rid)
        .orElseThrow(
            () ->
                VmmException.of(
                    Errno.ENXIO,
                    "no PCI function %s on %s; \"list\" shows those that there are",
                    rid,
                    machine.name()));
  }

  // Virtual machines.

  /** Returns the names of the VMs that are held, oldest first. */
  List<String> vmNames() {
    return List.copyOf(vms.keySet());
  }

  /**
   * Returns a VM.
   *
   * @throws VmmException ENOENT if none is held by that name
   */
  VirtualMachine vm(String name) {
    VirtualMachine vm = vms.get(name);
    if (vm == null) {
      throw noVm(name);
    }
    return vm;
  }

  /** Returns the VM that has a device assigned. */
  Optional<VirtualMachine> ownerOf(Rid rid) {
    return vms.values().stream()
        .filter(vm -> vm.devices().stream().anyMatch(device -> device.rid().equals(rid)))
        .findFirst();
  }

  /** Creates a VM with memory at gpa 0; with nothing left behind if that fails. */
  VirtualMachine createVm(String name, long memoryBytes) {
    VirtualMachine vm = vmm().createVm(name);
    try {
      if (memoryBytes != 0) {
        vm.addMemory(0, memoryBytes, Access.READ_WRITE);
      }
    } catch (RuntimeException e) {
      vm.close();
      throw e;
    }
    vms.put(name, vm);
    return vm;
  }

  /** Destroys a VM. It is no longer held, even if that fails. */
  void destroyVm(String name) {
    VirtualMachine vm = vm(name);
    vms.remove(name);
    vm.close();
  }

  /**
   * Forgets a VM without destroying it, as a process that crashed would, and waits until the
   * platform has noticed and destroyed it.
   *
   * @throws VmmException ENOENT if there is none; ETIMEDOUT if the platform does not notice
   */
  void crashVm(String name) {
    VirtualMachine state = forget(name);
    long begin = System.nanoTime();
    while (!state.destroyed()) {
      if (System.nanoTime() - begin > REAP_NANOS) {
        throw VmmException.of(
            Errno.ETIMEDOUT,
            "VM %s was dropped, but the platform has not destroyed it after %d s: expected its reaper to",
            name,
            REAP_NANOS / 1_000_000_000);
      }
      collectGarbage();
    }
  }

  /** Drops the handle; a method of its own, so that no frame of a caller holds on to it. */
  private VirtualMachine forget(String name) {
    VirtualMachine vm = vms.remove(name);
    if (vm == null) {
      throw noVm(name);
    }
    return vm.unowned();
  }

  /** What the reaper waits for; nothing else can bring it about at once. */
  private static void collectGarbage() {
    System.gc();
    try {
      Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new VmmException(Errno.ETIMEDOUT, "interrupted while a VM was to be destroyed", e);
    }
  }

  private VmmException noVm(String name) {
    return VmmException.of(
        Errno.ENOENT,
        "no VM is called \"%s\": %s",
        name,
        vms.isEmpty()
            ? "there is none; create it with \"vm create " + name + "\""
            : "there are " + String.join(", ", vms.keySet()));
  }

  // Faults.

  /** Takes the faults from the units, keeps them to be shown, and returns them. */
  List<OwnedFault> collectFaults() {
    List<OwnedFault> drained = vmm == null ? List.of() : vmm.iommu().drainFaults();
    int kept = Math.min(drained.size(), MAX_FAULTS - faults.size());
    faults.addAll(drained.subList(0, kept));
    faultsDropped += drained.size() - kept;
    return drained;
  }

  /** Returns and forgets the faults since the last time. */
  List<OwnedFault> takeFaults() {
    collectFaults();
    List<OwnedFault> taken = List.copyOf(faults);
    faults.clear();
    return taken;
  }

  /** Returns and forgets how many faults were too many to keep. */
  long takeFaultsDropped() {
    long dropped = faultsDropped;
    faultsDropped = 0;
    return dropped;
  }
}
