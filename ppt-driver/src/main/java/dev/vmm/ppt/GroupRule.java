package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.IsolationGroup;
import dev.vmm.pci.topology.PciTopology;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps an isolation group in one hand: a VM gets one of it only if all its endpoints are ppt
 * devices that are at rest or its own, and no other VM has one, and none goes back to the host
 * meanwhile.
 *
 * <p>A bridge of a group may stay the host's: it does no DMA of its own. A function that appears in
 * a group later is the host's until it is attached; the next assign of one of the group is refused.
 *
 * <p>Thread-safe; its lock comes after the VM's and the device's, and before the I/O MMU's.
 */
final class GroupRule {
  private static final Logger LOG = LoggerFactory.getLogger(GroupRule.class);

  private final Vmm vmm;
  private final Predicate<Rid> held;
  private final Predicate<Rid> broken;
  private final Set<Rid> ignoring;

  /** Which VM has a device, from before its assign until after its unassign. */
  private final Map<Rid, VirtualMachine> users = new TreeMap<>();

  /** The devices that are being detached. */
  private final Set<Rid> leaving = new HashSet<>();

  /**
   * Makes it.
   *
   * @param held whether a function is a ppt device
   * @param broken whether it is one that could not be quiesced, and may go on for its last VM
   * @throws VmmException EINVAL if the tunable is malformed
   */
  GroupRule(Vmm vmm, Predicate<Rid> held, Predicate<Rid> broken) {
    this.vmm = vmm;
    this.held = held;
    this.broken = broken;
    ignoring = Set.copyOf(CoreTunables.devices(vmm.tunables(), CoreTunables.PPT_IGNORE_GROUP));
  }

  /** Returns a function's group as it is now; ENXIO if there is no such function. */
  IsolationGroup of(Rid rid) {
    return topologyWith(rid).group(rid);
  }

  /** Returns the shape of the buses, of a new look if the last one did not find the function. */
  private PciTopology topologyWith(Rid rid) {
    PciTopology topology = vmm.iommu().topology();
    if (topology.function(rid).isEmpty()) {
      vmm.iommu().rescan(); // it may have appeared since, or answers again
      topology = vmm.iommu().topology();
    }
    return topology;
  }

  /**
   * Refuses a VM for a device whose group is in other hands, too.
   *
   * @return what there is to warn of, if the device is excused
   */
  synchronized Optional<String> check(PciFunction device, VirtualMachine vm) {
    PciTopology topology = topologyWith(device.rid());
    if (topology.function(device.rid()).isEmpty()) {
      // Nor is anything known of its place, which its group depends on.
      throw new VmmException(
          Errno.EIO,
          "cannot assign "
              + device
              + " to VM "
              + vm.name()
              + ": it does not answer, expected its ids in config space; see whether it was removed"
              + " or lost power");
    }
    Optional<Obstacle> found = obstacle(topology, device.rid(), vm);
    if (found.isPresent() && found.get().blocks()) {
      throw found.get().refusalWithEvidence("cannot assign " + device + " to VM " + vm.name());
    }
    return found.map(
        obstacle ->
            device
                + " goes to VM "
                + vm.name()
                + " though "
                + obstacle.sentence()
                + " ("
                + String.join("; ", obstacle.evidence())
                + ")");
  }

  /**
   * Returns what a function's group has against its being assigned to {@code vm}, null if nobody
   * knows yet to which.
   */
  synchronized Optional<Obstacle> obstacle(
      PciTopology topology, Rid rid, @Nullable VirtualMachine vm) {
    IsolationGroup group = topology.group(rid);
    List<PciFunction> hosts = new ArrayList<>();
    List<String> others = new ArrayList<>();
    List<PciFunction> restless = new ArrayList<>();
    for (PciFunction member : group.members()) {
      VirtualMachine user = users.get(member.rid());
      if (member.rid().equals(rid)) {
        continue;
      }
      if (!held.test(member.rid()) || leaving.contains(member.rid())) {
        hosts.add(member);
      } else if (broken.test(member.rid())) {
        restless.add(member);
      } else if (user != null && !user.equals(vm)) {
        others.add(member + " (VM " + user.name() + ")");
      }
    }
    return GroupObstacles.members(
        rid, group, hosts, restless, others, vm != null, ignoring.contains(rid));
  }

  /** As {@link #check}, and from now on the group is the VM's. */
  synchronized void enter(PciFunction device, VirtualMachine vm) {
    check(device, vm).ifPresent(LOG::warn);
    users.put(device.rid(), vm);
  }

  /** The VM does not have the device. */
  synchronized void leave(Rid rid) {
    users.remove(rid);
  }

  /** Refuses to let a device go to the host while a VM has one of its group (EBUSY). */
  synchronized void depart(Rid rid) {
    try {
      requireUnused(rid);
    } catch (VmmException e) {
      LOG.debug("looking again", e);
      vmm.iommu().rescan(); // it, or the other, may be gone
      requireUnused(rid);
    }
    leaving.add(rid);
  }

  private void requireUnused(Rid rid) {
    PciTopology topology = users.isEmpty() ? null : vmm.iommu().topology();
    if (topology == null || topology.function(rid).isEmpty()) {
      return;
    }
    IsolationGroup group = topology.group(rid);
    for (PciFunction member : group.members()) {
      VirtualMachine user = users.get(member.rid());
      if (user != null && !member.rid().equals(rid) && !ignoring.contains(member.rid())) {
        throw new VmmException(
            Errno.EBUSY,
            "cannot detach "
                + rid
                + ": VM "
                + user.name()
                + " has "
                + member
                + ", which is not isolated from it ("
                + String.join("; ", group.reasons())
                + "); unassign that one first");
      }
    }
  }

  /** The detach is over, however it ended. */
  synchronized void departed(Rid rid) {
    leaving.remove(rid);
  }
}
