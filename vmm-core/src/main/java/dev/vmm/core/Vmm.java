package dev.vmm.core;

import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;

/**
 * The platform on one machine: its virtual machines and its I/O MMU, which stays off until a PCI
 * device is first passed through.
 *
 * <p>Thread-safe.
 */
public interface Vmm extends AutoCloseable {
  /**
   * Opens the platform. Nothing is probed, loaded or written yet. The machine stays the caller's to
   * close, after the platform.
   *
   * @throws dev.vmm.VmmException EINVAL if a tunable is malformed
   */
  static Vmm open(Machine machine, Tunables tunables) {
    return new DefaultVmm(machine, tunables);
  }

  /** Returns the machine. */
  Machine machine();

  /** Returns the user's tunables. */
  Tunables tunables();

  /** Returns the lazy I/O MMU. */
  IommuService iommu();

  /**
   * Creates a virtual machine without memory. Does nothing to the I/O MMU.
   *
   * @param name unique among living VMs
   * @throws dev.vmm.VmmException EBUSY if a VM has that name, EINVAL if the name is empty
   */
  VirtualMachine createVm(String name);

  /** Returns the living VMs that somebody still holds, oldest first. */
  List<VirtualMachine> vms();

  /**
   * Returns every {@code hw.vmm.*} variable with its present value, by name, read-only ones
   * included.
   */
  Map<String, String> sysctls();

  /**
   * Destroys all VMs, then returns the I/O MMU to how it was found. Does nothing the second time,
   * unless the I/O MMU could not be returned: that is tried again.
   *
   * <p>A device that could not be quiesced is blocked, and for its sake the I/O MMU stays on
   * (EBUSY, naming it and what it failed with) until its driver has reset and released it. Of a
   * machine that is gone, as one whose process was killed, the platform cannot know that nothing
   * can do DMA any more: there the reset fails as well, EBUSY stays, and closing the machine is all
   * that is left. The platform then holds nothing outside of this process.
   *
   * @throws dev.vmm.VmmException the first failure, after everything was tried
   */
  @Override
  void close();
}
