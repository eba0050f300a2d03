package dev.vmm.core.policy;

import dev.vmm.Errno;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.Obstacle.Severity;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;

/** The obstacle of a function that the I/O MMU cannot tell from others. Stateless. */
public final class SharedRequesterId {
  private SharedRequesterId() {}

  /**
   * Returns the obstacle where the host keeps the others (EPERM).
   *
   * @param others the others, for people
   * @param ids the requester ids that they can send, too
   * @param evidence where that is said
   */
  public static Obstacle withHost(String others, Collection<Rid> ids, List<String> evidence) {
    return obstacle(
        Errno.EPERM,
        others + " of the host, which can send",
        ids,
        evidence,
        "attach those to the ppt driver, too, or use a function that only PCI Express ports are above");
  }

  /**
   * Returns the obstacle where another VM has the other (EBUSY).
   *
   * @param domain the VM's
   */
  public static Obstacle withVm(String other, String domain, Collection<Rid> ids) {
    return obstacle(
        Errno.EBUSY,
        other + " in domain " + domain + ", which can send",
        ids,
        List.of(),
        "unassign that one first, or assign both to one VM");
  }

  /** Returns the obstacle where the other is blocked (EBUSY). */
  public static Obstacle withBroken(String other, Collection<Rid> ids) {
    return obstacle(
        Errno.EBUSY,
        other + ", which could not be quiesced and can send",
        ids,
        List.of(),
        "detach that one, which resets it again, then try again");
  }

  private static Obstacle obstacle(
      Errno errno, String whose, Collection<Rid> ids, List<String> evidence, String remedy) {
    String list = ids.stream().map(Rid::toString).collect(Collectors.joining(", "));
    return new Obstacle(
        Kind.SHARED_REQUESTER_ID,
        Severity.BLOCKER,
        errno,
        "its DMA cannot be told from that of "
            + whose
            + (ids.size() == 1 ? " its requester id " : " its requester ids ")
            + list,
        evidence,
        remedy);
  }
}
