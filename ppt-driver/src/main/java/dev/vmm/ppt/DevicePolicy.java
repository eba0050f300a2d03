package dev.vmm.ppt;

import dev.vmm.core.CoreTunables;
import dev.vmm.core.Vmm;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Verdict;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** Collects every obstacle of one device. Changes nothing. */
final class DevicePolicy {
  private final Vmm vmm;

  /** Says of a function whether the ppt driver has it, or is told to take it. */
  private final Predicate<Rid> held;

  DevicePolicy(Vmm vmm, Predicate<Rid> held) {
    this.vmm = vmm;
    this.held = held;
  }

  /** Of a platform without a driver: what {@code pptdevs} names counts as attached. */
  static DevicePolicy planned(Vmm vmm) {
    Set<Rid> named = new HashSet<>(CoreTunables.devices(vmm.tunables(), CoreTunables.PPTDEVS));
    return new DevicePolicy(vmm, named::contains);
  }

  /**
   * Judges one device.
   *
   * @param state what its state with the driver adds, if it has one
   */
  Verdict judge(Rid rid, VmNeed need, Optional<Obstacle> state) {
    List<PciFunction> all = vmm.machine().pci().functions();
    Optional<PciFunction> found = all.stream().filter(each -> each.rid().equals(rid)).findFirst();
    List<Obstacle> obstacles = new ArrayList<>();
    if (found.isEmpty()) {
      vmm.iommu().absence().ifPresent(obstacles::add);
      state.ifPresentOrElse(obstacles::add, () -> obstacles.add(DeviceObstacles.absent()));
      return new Verdict(rid, rid.toString(), obstacles);
    }
    PciFunction function = found.get();
    Optional<Obstacle> unfit = DeviceObstacles.unfit(function);
    if (unfit.isPresent()) {
      // What else may be said of it is of no use: nothing will make it fit.
      vmm.iommu().absence().ifPresent(obstacles::add);
      obstacles.add(unfit.get());
      return new Verdict(rid, function.toString(), obstacles);
    }
    PciTopology topology = PciTopology.of(all, vmm.iommu().aliases());
    Collection<Rid> ids = topology.requesterIds(rid).all();
    obstacles.addAll(vmm.iommu().obstacles(function, ids, need));
    DeviceObstacles.virtualFunctions(function).ifPresent(obstacles::add);
    GroupObstacles.sharedRequesterIds(topology, rid, held).ifPresent(obstacles::add);
    GroupObstacles.members(topology, rid, held).ifPresent(obstacles::add);
    PciBus pci = vmm.machine().pci();
    FunctionReset reset =
        new FunctionReset(function, new FunctionControl(pci, function), Waiter.REAL);
    if (reset.kind() == ResetMethod.NONE) {
      obstacles.add(DeviceObstacles.noReset(function));
    }
    if (state.isPresent()) {
      obstacles.add(state.get());
    } else if (!held.test(rid)) {
      obstacles.add(DeviceObstacles.notAttached());
    }
    return new Verdict(rid, function.toString(), obstacles);
  }
}
