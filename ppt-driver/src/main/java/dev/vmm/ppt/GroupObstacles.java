package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.Obstacle.Severity;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.IsolationGroup;
import dev.vmm.pci.topology.PciTopology;
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
    return others.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Obstacle(
                Kind.SHARED_REQUESTER_ID,
                Severity.BLOCKER,
                Errno.EPERM,
                "its DMA cannot be told from that of "
                    + names(others)
                    + ", since they carry the same requester id",
                topology.requesterIds(rid).evidence(),
                "attach these to the ppt driver too, or use a function that only PCI Express ports"
                    + " are above"));
  }

  /** Returns the obstacle of a function whose isolation group has members that the host keeps. */
  static Optional<Obstacle> members(PciTopology topology, Rid rid, Predicate<Rid> held) {
    IsolationGroup group = topology.group(rid);
    List<PciFunction> others = notHeld(group.members(), rid, held);
    return others.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Obstacle(
                Kind.GROUP_MEMBERS,
                Severity.BLOCKER,
                Errno.EPERM,
                "its isolation group has members that the host keeps: " + names(others),
                group.reasons(),
                "attach them to the ppt driver too"));
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
