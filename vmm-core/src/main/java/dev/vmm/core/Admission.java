package dev.vmm.core;

import dev.vmm.iommu.Domain;
import dev.vmm.pci.Rid;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One stay of a device in a VM: whose faults are counted to its threshold. */
final class Admission {
  final VmState vm;
  final PassthroughDevice device;
  final Domain domain;

  /** The device's own, asked for once: what a driver says is not asked for under a lock. */
  final Rid rid;

  final Set<Rid> rids;

  /** Guarded by the fault pipeline's lock. */
  final RateMeter storm;

  /** When to look again who makes its faults; guarded by the fault pipeline's lock. */
  final RateMeter looks;

  /** The fault that was one too many; guarded by the fault pipeline's lock. */
  @Nullable OwnedFault last;

  /** Whether its bus mastering was cut; guarded by the VM's lock. */
  boolean cut;

  private volatile boolean over;

  Admission(VmState vm, PassthroughDevice device, Domain domain, RateMeter storm, RateMeter looks) {
    this.vm = vm;
    this.device = device;
    this.domain = domain;
    rid = device.rid();
    this.storm = storm;
    this.looks = looks;
    rids = Set.copyOf(device.requesterIds());
  }

  /** Says whether the device has left. */
  boolean over() {
    return over;
  }

  void end() {
    over = true;
  }
}
