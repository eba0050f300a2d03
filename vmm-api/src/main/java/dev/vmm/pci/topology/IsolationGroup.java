package dev.vmm.pci.topology;

import dev.vmm.pci.PciFunction;
import java.util.List;

/**
 * Functions that can reach each other, or pass for each other, without the I/O MMU's consent: who
 * controls one of them may control all. Only the whole of it can be kept apart from the rest.
 *
 * <p>Immutable.
 *
 * @param members its endpoints, the asked function included, by requester id
 * @param bridges its bridges and ports, by requester id; empty where the function is alone
 * @param reasons why they belong together, each with the register, its offset and its value; empty
 *     for a function that is alone
 */
public record IsolationGroup(
    List<PciFunction> members, List<PciFunction> bridges, List<String> reasons) {
  /** Copies the lists. */
  public IsolationGroup {
    members = List.copyOf(members);
    bridges = List.copyOf(bridges);
    reasons = List.copyOf(reasons);
  }
}
