package dev.vmm.ppt;

import dev.vmm.core.CoreTunables;
import dev.vmm.core.Vmm;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Verdict;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.pci.PatientPci;
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

  private final GroupRule groups;

  DevicePolicy(Vmm vmm, Predicate<Rid> held, GroupRule groups) {
    this.vmm = vmm;
    this.held = held;
    this.groups = groups;
  }

  /** Of a platform without a driver: what {@code pptdevs} names counts as attached. */
  static DevicePolicy planned(Vmm vmm) {
    Set<Rid> named = new HashSet<>(CoreTunables.devices(vmm.tunables(), CoreTunables.PPTDEVS));
    return new DevicePolicy(
        vmm, named::contains, new GroupRule(vmm, named::contains, rid -> false));
  }

  /**
   * Judges one device.
   *
   * @param state what its state with the driver adds, if it has one
   */
  Verdict judge(Rid rid, VmNeed need, Optional<Obstacle> state) {
    PciBus pci = new PatientPci(vmm.machine().pci());
    List<PciFunction> all = pci.functions();
    Optional<PciFunction> found = all.stream().filter(each -> each.rid().equals(rid)).findFirst();
    List<Obstacle> obstacles = new ArrayList<>();
    if (found.isEmpty()) {
      vmm.iommu().absence().ifPresent(obstacles::add);
      obstacles.add(DeviceObstacles.absent());
      state.ifPresent(obstacles::add);
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
    PciTopology topology = topology(rid, all);
    Collection<Rid> ids = topology.requesterIds(rid).all();
    obstacles.addAll(vmm.iommu().obstacles(function, ids, need));
    DeviceObstacles.virtualFunctions(function).ifPresent(obstacles::add);
    GroupObstacles.sharedRequesterIds(topology, rid, held).ifPresent(obstacles::add);
    groups.obstacle(topology, rid, null).ifPresent(obstacles::add);
    FunctionReset reset =
        new FunctionReset(pci, function, new FunctionControl(pci, function), Waiter.REAL, List::of);
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

  private PciTopology topology(Rid rid, List<PciFunction> all) {
    if (vmm.iommu().absence().isPresent()) {
      return PciTopology.of(all); // no back end says what firmware does, or may be asked
    }
    PciTopology known = vmm.iommu().topology();
    // What appeared since the last look has no place yet; a verdict gives it none.
    return known.function(rid).isPresent() ? known : PciTopology.of(all);
  }
}
