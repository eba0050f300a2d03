package dev.vmm.ppt;

import dev.vmm.core.VirtualMachine;
import java.util.Map;
import java.util.TreeMap;

/** One ownership of a device by a VM, from assign to unassign. Guarded by the device's lock. */
final class Assignment {
  private final VirtualMachine vm;
  private final String domainName;
  private final ConfigSnapshot saved;
  private final int parkedCommand;
  private final Map<Long, MmioWindow> windows = new TreeMap<>();

  /**
   * The owner (held in a way that does not keep it from being noticed as leaked), the name of its
   * domain, and config space and command register from before.
   */
  Assignment(VirtualMachine vm, String domainName, ConfigSnapshot saved, int parkedCommand) {
    this.vm = vm;
    this.domainName = domainName;
    this.saved = saved;
    this.parkedCommand = parkedCommand;
  }

  VirtualMachine vm() {
    return vm;
  }

  String domainName() {
    return domainName;
  }

  ConfigSnapshot saved() {
    return saved;
  }

  int parkedCommand() {
    return parkedCommand;
  }

  /** Returns the registers that the guest reaches, by gpa. */
  Map<Long, MmioWindow> windows() {
    return windows;
  }
}
