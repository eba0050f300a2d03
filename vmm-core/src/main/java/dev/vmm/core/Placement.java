package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.SharedRequesterId;
import dev.vmm.iommu.Domain;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which domain each requester id belongs in, by the functions that can send it.
 *
 * <p>One sender that could not be quiesced: blocked. A VM's device: the VM's domain, as long as
 * every other sender is claimed and in no other domain; else blocked, for nobody but a VM's devices
 * may reach it. Claimed by all: what a claim leads to. Else the host domain.
 *
 * <p>Not thread-safe: used under the I/O MMU's lock, but for {@link #topology}.
 */
final class Placement {
  private final Homes homes;
  private volatile PciTopology topology = PciTopology.of(List.of());

  /** The endpoints that can send each requester id, by the last look. */
  private Map<Rid, Set<Rid>> senders = Map.of();

  /**
   * All requester ids of the functions that are claimed, held or in a VM's domain: those of before,
   * too, of a function that no longer answers or has turned its phantom functions off.
   */
  private final Map<Rid, Set<Rid>> kept = new TreeMap<>();

  /** The functions in VMs' domains. */
  private final Map<Rid, Domain> seats = new TreeMap<>();

  Placement(Homes homes) {
    this.homes = homes;
  }

  PciTopology topology() {
    return topology;
  }

  /** Takes in what is there now. */
  void look(PciTopology next) {
    topology = next;
    senders = new HashMap<>();
    for (PciFunction function : next.functions()) {
      if (!function.isBridge()) {
        for (Rid id : next.requesterIds(function.rid()).all()) {
          senders.computeIfAbsent(id, key -> new TreeSet<>()).add(function.rid());
        }
      }
    }
    keep(Stream.concat(homes.claimedOrHeld(), seats.keySet().stream()).toList());
  }

  boolean knows(Rid function) {
    return topology.function(function).isPresent();
  }

  /** Remembers the requester ids of functions that anybody holds, and forgets those of others. */
  void keep(Collection<Rid> functions) {
    for (Rid function : functions) {
      if (homes.claimed(function) || homes.held(function) || seats.containsKey(function)) {
        kept.computeIfAbsent(function, key -> new TreeSet<>())
            .addAll(topology.requesterIds(function).all());
      } else {
        kept.remove(function);
      }
    }
  }

  /** Returns all requester ids of these functions. */
  Set<Rid> idsOf(Collection<Rid> functions) {
    Set<Rid> ids = new TreeSet<>();
    for (Rid function : functions) {
      ids.addAll(topology.requesterIds(function).all());
      ids.addAll(kept.getOrDefault(function, Set.of()));
    }
    return ids;
  }

  /** Returns all requester ids that anybody can send: bridges, too. */
  Set<Rid> ids() {
    Set<Rid> ids = idsOf(topology.functions().stream().map(PciFunction::rid).toList());
    kept.values().forEach(ids::addAll);
    return ids;
  }

  /** Returns the functions that can send a requester id, bridges not counted. */
  Set<Rid> sendersOf(Rid id) {
    Set<Rid> found = new TreeSet<>(senders.getOrDefault(id, Set.of()));
    kept.forEach(
        (function, ids) -> {
          if (ids.contains(id)) {
            found.add(function);
          }
        });
    return found;
  }

  /** Returns those of them that the host keeps. */
  List<Rid> hostsAmongSendersOf(Rid id) {
    return sendersOf(id).stream()
        .filter(function -> !seats.containsKey(function) && !homes.claimed(function))
        .toList();
  }

  /** Says whether a function that is in a VM's domain can send a requester id. */
  boolean isSenders(Rid id, Domain domain) {
    return sendersOf(id).stream().anyMatch(function -> seats.get(function) == domain);
  }

  /** Returns where a requester id belongs. */
  Domain domainFor(Rid id, Domain host, Domain blocked) {
    Set<Rid> from = sendersOf(id);
    if (from.stream().anyMatch(homes::held)) {
      return blocked;
    }
    Set<Domain> of =
        from.stream()
            .flatMap(function -> Optional.ofNullable(seats.get(function)).stream())
            .collect(Collectors.toSet());
    if (!of.isEmpty()) {
      boolean allowed =
          from.stream()
              .allMatch(function -> seats.containsKey(function) || homes.claimed(function));
      return of.size() == 1 && allowed ? of.iterator().next() : blocked;
    }
    boolean claimed = !from.isEmpty() && from.stream().allMatch(homes::claimed);
    return claimed && homes.blockedWhileClaimed() ? blocked : host;
  }

  /** Says whether nobody but the host has a function. */
  boolean isHosts(Rid function) {
    return !homes.claimed(function) && !homes.held(function) && !seats.containsKey(function);
  }

  /** Returns the functions in a VM's domain. */
  List<Rid> seatedIn(Domain domain) {
    return seats.entrySet().stream()
        .filter(entry -> entry.getValue() == domain)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Returns the functions in any VM's domain. */
  List<Rid> seated() {
    return List.copyOf(seats.keySet());
  }

  /** Says that functions are in a VM's domain now. */
  void seat(Collection<Rid> functions, Domain domain) {
    functions.forEach(function -> seats.put(function, domain));
    keep(functions);
  }

  /** Says that functions are in no VM's domain any more. */
  void unseat(Collection<Rid> functions) {
    seats.keySet().removeAll(Set.copyOf(functions));
    keep(functions);
  }

  /** What is known of some functions, to go back to. */
  record Memory(List<Rid> functions, Map<Rid, Domain> seats, Map<Rid, Set<Rid>> kept) {}

  Memory remember(Collection<Rid> functions) {
    List<Rid> copy = List.copyOf(functions);
    Map<Rid, Domain> theirSeats = new HashMap<>(seats);
    theirSeats.keySet().retainAll(Set.copyOf(copy));
    Map<Rid, Set<Rid>> theirIds = new HashMap<>();
    for (Rid function : copy) {
      if (kept.containsKey(function)) {
        theirIds.put(function, new TreeSet<>(kept.getOrDefault(function, Set.of())));
      }
    }
    return new Memory(copy, theirSeats, theirIds);
  }

  void recall(Memory memory) {
    seats.keySet().removeAll(memory.functions());
    kept.keySet().removeAll(memory.functions());
    seats.putAll(memory.seats());
    kept.putAll(memory.kept());
  }

  /**
   * Refuses a VM's domain for functions that could not be told from others outside of it: EPERM if
   * one of those is the host's, EBUSY if it is broken or another VM's.
   */
  void requireTogether(Collection<Rid> functions, Domain domain) {
    for (Rid function : functions) {
      for (Rid id : idsOf(List.of(function))) {
        for (Rid other : sendersOf(id)) {
          if (!functions.contains(other)) {
            requireTogether(function, id, other, domain);
          }
        }
      }
    }
  }

  private void requireTogether(Rid function, Rid id, Rid other, Domain domain) {
    Domain there = seats.get(other);
    List<Rid> ids = List.of(id);
    Obstacle obstacle = null;
    if (homes.held(other)) {
      obstacle = SharedRequesterId.withBroken(name(other), ids);
    } else if (there != null && there != domain) {
      obstacle = SharedRequesterId.withVm(name(other), there.name(), ids);
    } else if (there == null && !homes.claimed(other)) {
      obstacle = SharedRequesterId.withHost(name(other), ids, List.of());
    }
    if (obstacle != null) {
      throw obstacle.refusal("cannot move " + name(function) + " to domain " + domain.name());
    }
  }

  /** Refuses to let functions go home to the host while a VM's device shares an id (EBUSY). */
  void requireNoneInVm(Collection<Rid> functions) {
    for (Rid function : functions) {
      if (!knows(function)) {
        continue; // it is gone: it sends nothing
      }
      for (Rid id : idsOf(List.of(function))) {
        for (Rid other : sendersOf(id)) {
          Domain there = seats.get(other);
          if (there != null && !functions.contains(other)) {
            throw new VmmException(
                Errno.EBUSY,
                "cannot give "
                    + name(function)
                    + " back to the host: it can send the requester id "
                    + id
                    + ", as "
                    + name(other)
                    + " can, which is in domain "
                    + there.name()
                    + ": its DMA would reach the VM; unassign that one first");
          }
        }
      }
    }
  }

  private String name(Rid function) {
    return topology.function(function).map(PciFunction::toString).orElse(function.toString());
  }
}
