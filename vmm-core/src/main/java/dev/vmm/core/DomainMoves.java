package dev.vmm.core;

import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Moves of requester ids between the domains of a session: over several domains all or none, and in
 * an order in which a failure lets nobody out.
 *
 * <p>Not thread-safe: used under the I/O MMU's lock.
 */
final class DomainMoves {
  private final IommuSession session;
  private final Iommu iommu;
  private final FaultPipeline faults;
  private final ToIntFunction<Domain> rank;

  /** Every requester id that was ever moved: where to look for ones left in a domain. */
  private final Set<Rid> moved = new TreeSet<>();

  /**
   * Moves nothing yet.
   *
   * @param session is told to the pipeline as the one whose faults are to be taken at each move
   * @param rank of a target: a lower one is moved to earlier
   */
  DomainMoves(IommuSession session, Iommu iommu, FaultPipeline faults, ToIntFunction<Domain> rank) {
    this.session = session;
    this.iommu = iommu;
    this.faults = faults;
    this.rank = rank;
  }

  /** Returns every requester id that was ever moved. */
  Set<Rid> moved() {
    return moved;
  }

  /** Groups requester ids by where each is to go. */
  static Map<Domain, List<Rid>> byTarget(Collection<Rid> rids, Function<Rid, Domain> target) {
    Map<Domain, List<Rid>> moves = new LinkedHashMap<>();
    rids.forEach(
        rid -> moves.computeIfAbsent(target.apply(rid), key -> new ArrayList<>()).add(rid));
    return moves;
  }

  /** Moves all or none to one domain. */
  void run(Collection<Rid> rids, Domain domain) {
    if (rids.isEmpty()) {
      return;
    }
    List<Rid> copy = List.copyOf(rids);
    moved.addAll(copy);
    faults.moving(session, copy);
    try {
      Spi.run("moving " + copy + " to domain " + domain.name(), () -> iommu.move(copy, domain));
    } finally {
      faults.moved(session);
    }
  }

  /** Makes these moves, all or none. */
  void run(Map<Domain, List<Rid>> moves) {
    Map<Rid, Domain> before = new LinkedHashMap<>();
    try {
      for (Domain domain : inOrder(moves)) {
        List<Rid> rids = moves.getOrDefault(domain, List.of());
        rids.forEach(
            rid -> {
              Domain now = placeOf(rid);
              if (now != null) {
                before.put(rid, now);
              }
            });
        run(rids, domain);
      }
    } catch (RuntimeException e) {
      moveBack(before, e);
      throw e;
    }
  }

  /** Makes these moves until one fails; what was done before that stays done. */
  void runAsFarAsPossible(Map<Domain, List<Rid>> moves) {
    inOrder(moves).forEach(domain -> run(moves.getOrDefault(domain, List.of()), domain));
  }

  private List<Domain> inOrder(Map<Domain, List<Rid>> moves) {
    List<Domain> order = new ArrayList<>(moves.keySet());
    order.sort(Comparator.comparingInt(rank));
    return order;
  }

  /** Also those of the move that failed: a unit may have failed after it took its new entries. */
  private void moveBack(Map<Rid, Domain> before, RuntimeException failure) {
    Map<Domain, List<Rid>> back = new LinkedHashMap<>();
    before.forEach(
        (rid, domain) -> {
          if (session.placeOf(rid) != domain) {
            back.computeIfAbsent(domain, key -> new ArrayList<>()).add(rid);
          }
        });
    back.forEach(
        (domain, rids) -> {
          try {
            run(rids, domain);
          } catch (RuntimeException e) {
            failure.addSuppressed(e);
          }
        });
  }

  private @Nullable Domain placeOf(Rid rid) {
    return session.domainOf(rid).orElse(null);
  }
}
