package dev.vmm.pci.topology;

import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Every requester id under which the requests of one function can reach an I/O MMU. They are moved
 * from domain to domain together.
 *
 * <p>Immutable.
 *
 * @param rid the function's own
 * @param all the function's own first, then those that bridges above it, phantom functions and
 *     firmware's aliases add, in the order in which they were found
 * @param evidence a sentence for each that is added, with the register, its offset and its value
 */
public record RequesterIds(Rid rid, Set<Rid> all, List<String> evidence) {
  /** Copies the collections, and adds {@code rid} as the first if it is missing. */
  public RequesterIds {
    Set<Rid> ids = new LinkedHashSet<>();
    ids.add(rid);
    ids.addAll(all);
    all = Collections.unmodifiableSet(ids);
    evidence = List.copyOf(evidence);
  }

  /** Returns those of a function that only ever sends under its own. */
  public static RequesterIds only(Rid rid) {
    return new RequesterIds(rid, Set.of(rid), List.of());
  }

  /** Says whether one of {@code ids} is among them. */
  public boolean anyOf(Collection<Rid> ids) {
    return !Collections.disjoint(all, ids);
  }
}
