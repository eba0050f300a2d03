package dev.vmm.core;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Keeps a test's VMs reachable while it runs: one that was dropped is destroyed at any time. */
final class HeldVms {
  private final Queue<VirtualMachine> vms = new ConcurrentLinkedQueue<>();

  /** Holds a VM, and returns it. */
  VirtualMachine held(VirtualMachine vm) {
    vms.add(vm);
    return vm;
  }
}
