package dev.vmm.core;

import dev.vmm.iommu.Domain;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Whose a domain is, and which device a requester id stands for, of all that VMs and drivers have
 * said. Thread-safe: its lock is a leaf.
 */
final class FaultOwners {
  /** A VM's domain, and what was lately unmapped there. */
  record VmPlace(String vmName, UnmapHistory history) {}

  private final IdentityHashMap<Domain, VmPlace> places = new IdentityHashMap<>();
  private final Set<Rid> claims = new HashSet<>();
  private final Map<Rid, List<Admission>> admissions = new HashMap<>();

  synchronized void opened(Domain domain, String vmName) {
    places.put(domain, new VmPlace(vmName, new UnmapHistory()));
  }

  synchronized void closed(Domain domain) {
    places.remove(domain);
  }

  synchronized @Nullable VmPlace place(Domain domain) {
    return places.get(domain);
  }

  synchronized void claimed(Collection<Rid> functions) {
    claims.addAll(functions);
  }

  synchronized void unclaimed(Collection<Rid> rids) {
    claims.removeAll(Set.copyOf(rids));
  }

  synchronized void admitted(Admission admission) {
    for (Rid rid : admission.rids) {
      admissions.computeIfAbsent(rid, key -> new ArrayList<>(1)).add(admission);
    }
  }

  synchronized void dismissed(Admission admission) {
    for (Rid rid : admission.rids) {
      admissions.computeIfPresent(
          rid,
          (key, list) -> {
            list.remove(admission);
            return list.isEmpty() ? null : list;
          });
    }
  }

  /** Returns the stays in {@code domain} of devices that use this requester id. */
  synchronized List<Admission> in(Domain domain, Rid rid) {
    List<Admission> all = admissions.get(rid);
    if (all == null) {
      return List.of();
    }
    // Nearly always the one that there is.
    return all.size() == 1 && all.get(0).domain == domain
        ? List.of(all.get(0))
        : all.stream().filter(each -> each.domain == domain).toList();
  }

  /** Returns the device, by who owns it or has claimed it. */
  synchronized Optional<Rid> deviceOf(Rid rid) {
    List<Admission> all = admissions.get(rid);
    if (all != null) {
      for (Admission each : all) {
        if (each.rid.equals(rid)) {
          return Optional.of(rid);
        }
      }
      return Optional.of(all.get(0).rid);
    }
    return claims.contains(rid) ? Optional.of(rid) : Optional.empty();
  }
}
