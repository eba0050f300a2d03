package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.core.CoreTunables;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.Obstacle.Severity;
import dev.vmm.core.policy.SharedRequesterId;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.IsolationGroup;
import dev.vmm.pci.topology.PciTopology;
import dev.vmm.pci.topology.RequesterIds;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What the place of a function among the others has against its being passed through. */
final class GroupObstacles {
  private GroupObstacles() {}

  /**
   * Returns the obstacle of a function that the I/O MMU cannot tell from others which the host
   * keeps.
   *
   * @param held says of a function whether the ppt driver has it
   */
  static Optional<Obstacle> sharedRequesterIds(PciTopology topology, Rid rid, Predicate<Rid> held) {
    List<PciFunction> others = notHeld(topology.sharing(rid), rid, held);
    RequesterIds own = topology.requesterIds(rid);
    List<Rid> shared =
        own.all().stream()
            .filter(
                id ->
                    others.stream()
                        .anyMatch(other -> topology.requesterIds(other.rid()).all().contains(id)))
            .toList();
    return others.isEmpty()
        ? Optional.empty()
        : Optional.of(SharedRequesterId.withHost(names(others), shared, own.evidence()));
  }

  /**
   * Returns the obstacle of a function whose isolation group is in other hands, too.
   *
   * @param hosts the members that the host keeps
   * @param broken the members that could not be quiesced
   * @param others the members that other VMs have, with their names
   * @param asked whether it is known which VM asks; else others' only tell which one may
   * @param ignored whether the administrator excuses the function
   */
  static Optional<Obstacle> members(
      Rid rid,
      IsolationGroup group,
      List<PciFunction> hosts,
      List<PciFunction> broken,
      List<String> others,
      boolean asked,
      boolean ignored) {
    if (hosts.isEmpty() && broken.isEmpty() && others.isEmpty()) {
      return Optional.empty();
    }
    String tunable = CoreTunables.PPT_IGNORE_GROUP.name();
    List<String> from = new ArrayList<>();
    if (!hosts.isEmpty()) {
      from.add(names(hosts) + " of the host");
    }
    if (!broken.isEmpty()) {
      from.add(names(broken) + ", which could not be quiesced");
    }
    if (!others.isEmpty() && (hosts.isEmpty() || ignored)) {
      from.add(String.join(", ", others));
    }
    String what = "it is not isolated from " + String.join(" and ", from);
    boolean blocks = !ignored && (asked || !hosts.isEmpty() || !broken.isEmpty());
    String remedy =
        (!hosts.isEmpty()
                ? "attach those to the ppt driver, too"
                : !broken.isEmpty()
                    ? "detach those, which resets them again, and attach them anew"
                    : "assign them to one VM, or unassign those first")
            + ", or, if they may reach each other, name "
            + address(rid)
            + " in the tunable "
            + tunable;
    return Optional.of(
        new Obstacle(
            Kind.GROUP_MEMBERS,
            blocks ? Severity.BLOCKER : Severity.WARNING,
            hosts.isEmpty() ? Errno.EBUSY : Errno.EPERM,
            ignored ? what + ", and " + tunable + " names it" : what,
            group.reasons(),
            ignored ? "make sure that they may reach each other" : remedy));
  }

  private static String address(Rid rid) {
    return rid.segment() == 0
        ? rid.bus() + "/" + rid.device() + "/" + rid.function()
        : rid.toString();
  }

  private static List<PciFunction> notHeld(
      List<PciFunction> functions, Rid rid, Predicate<Rid> held) {
    return functions.stream()
        .filter(other -> !other.rid().equals(rid) && !held.test(other.rid()))
        .toList();
  }

  private static String names(List<PciFunction> functions) {
    return functions.stream().map(PciFunction::toString).collect(Collectors.joining(", "));
  }
}
