package dev.vmm.machine.model;

import dev.vmm.machine.model.acpi.DeviceScope;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds the unit that a DMA comes to, by the requester id that it carries: who is named, then the
 * bridge it is behind, then who takes all the rest of the segment. Immutable and thread-safe.
 */
final class ScopeRouter {
  /** A unit and what is behind it. */
  record Placed(RemappingUnit unit, UnitScope scope) {}

  private record Behind(int segment, BridgeMap.Buses buses, RemappingUnit unit) {
    boolean covers(Rid rid) {
      return rid.segment() == segment
          && rid.bus() >= buses.secondary()
          && rid.bus() <= buses.subordinate();
    }
  }

  private final Map<Rid, RemappingUnit> named = new HashMap<>();
  private final List<Behind> behind = new ArrayList<>();
  private final Map<Integer, RemappingUnit> rest = new HashMap<>();

  ScopeRouter(List<Placed> units, BridgeMap bridges) {
    for (Placed placed : units) {
      int segment = placed.scope().segment();
      for (DeviceScope scope : placed.scope().devices()) {
        switch (scope.type()) {
          case PCI_ENDPOINT -> named.put(bridges.resolve(segment, scope), placed.unit());
          case PCI_SUB_HIERARCHY -> {
            Rid bridge = bridges.resolve(segment, scope);
            named.put(bridge, placed.unit());
            bridges
                .behind(bridge)
                .ifPresent(buses -> behind.add(new Behind(segment, buses, placed.unit())));
          }
          default ->
              named.put(
                  Rid.of(segment, scope.startBus() << 8 | scope.path().get(0)), placed.unit());
        }
      }
      if (placed.scope().includeAll()) {
        rest.putIfAbsent(segment, placed.unit());
      }
    }
    // The nearest bridge decides.
    behind.sort((a, b) -> Integer.compare(width(a), width(b)));
  }

  private static int width(Behind behind) {
    return behind.buses().subordinate() - behind.buses().secondary();
  }

  /**
   * Finds the unit.
   *
   * @param rid the requester id that the DMA carries
   * @param physicalFunction the PF, if that id is a VF's: a VF is behind its PF's unit
   */
  Optional<RemappingUnit> unit(Rid rid, @Nullable Rid physicalFunction) {
    RemappingUnit unit = named.get(rid);
    if (unit == null && physicalFunction != null) {
      unit = named.get(physicalFunction);
    }
    if (unit == null) {
      for (Behind candidate : behind) {
        if (candidate.covers(physicalFunction == null ? rid : physicalFunction)) {
          return Optional.of(candidate.unit());
        }
      }
      unit = rest.get(rid.segment());
    }
    return Optional.ofNullable(unit);
  }
}
