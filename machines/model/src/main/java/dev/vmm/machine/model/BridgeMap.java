package dev.vmm.machine.model;

import dev.vmm.VmmException;
import dev.vmm.machine.model.acpi.DeviceScope;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciBus.Segment;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which bus lies behind which bridge, as firmware numbered them; and the way from one to the other
 * between a scope's path and a requester id. Immutable.
 */
final class BridgeMap {
  /** The buses behind a bridge. */
  record Buses(int secondary, int subordinate) {}

  private static final int HEADER_TYPE = 0x0e;
  private static final int SECONDARY = 0x19;
  private static final int SUBORDINATE = 0x1a;
  private static final int VENDOR_ID = 0x00;
  private static final int MULTI_FUNCTION = 0x80;
  private static final int CAPABILITIES = 0x34;
  private static final int MAX_CAPABILITIES = 48;
  private static final int EXPRESS = 0x10;
  private static final int EXPRESS_TO_PCI = 7;

  private final Map<Rid, Buses> bridges = new LinkedHashMap<>();
  private final List<Rid> conventional = new ArrayList<>();

  BridgeMap(PciBus pci) {
    for (Segment segment : pci.segments()) {
      List<Integer> buses = new ArrayList<>(segment.rootBuses());
      for (int i = 0; i < buses.size(); i++) {
        scan(pci, segment.segment(), buses.get(i), buses);
      }
    }
  }

  private void scan(PciBus pci, int segment, int bus, List<Integer> buses) {
    for (int device = 0; device < 32; device++) {
      int functions = 1;
      for (int function = 0; function < functions; function++) {
        Rid rid = new Rid(segment, bus, device, function);
        if (pci.read(rid, VENDOR_ID, 2) == 0xffff) {
          continue;
        }
        int type = pci.read(rid, HEADER_TYPE, 1);
        if (function == 0 && (type & MULTI_FUNCTION) != 0) {
          functions = 8;
        }
        int secondary = (type & 0x7f) == 1 ? pci.read(rid, SECONDARY, 1) : 0;
        if (secondary != 0) {
          bridges.put(rid, new Buses(secondary, pci.read(rid, SUBORDINATE, 1)));
          if (leadsToConventionalBus(pci, rid)) {
            conventional.add(rid);
          }
          buses.add(secondary);
        }
      }
    }
  }

  private static boolean leadsToConventionalBus(PciBus pci, Rid rid) {
    int at = pci.read(rid, CAPABILITIES, 1);
    for (int i = 0; at != 0 && i < MAX_CAPABILITIES; i++) {
      if (pci.read(rid, at, 1) == EXPRESS) {
        return (pci.read(rid, at + 2, 2) >>> 4 & 0xf) == EXPRESS_TO_PCI;
      }
      at = pci.read(rid, at + 1, 1);
    }
    return false;
  }

  /** Returns the buses behind each PCI Express to PCI bridge of a segment. */
  List<Buses> conventional(int segment) {
    return conventional.stream()
        .filter(rid -> rid.segment() == segment)
        .map(rid -> behind(rid).orElseThrow())
        .toList();
  }

  /** Returns the bridges, those nearer to the root first. */
  Map<Rid, Buses> bridges() {
    return bridges;
  }

  /** Returns the buses behind a bridge. */
  Optional<Buses> behind(Rid rid) {
    return Optional.ofNullable(bridges.get(rid));
  }

  /** Returns the function at the end of a scope's path. */
  Rid resolve(int segment, DeviceScope scope) {
    int bus = scope.startBus();
    Rid rid = null;
    for (int devfn : scope.path()) {
      if (rid != null) {
        Rid bridge = rid;
        bus =
            behind(bridge)
                .orElseThrow(
                    () ->
                        VmmException.invalid(
                            "scope %s of segment %d: there is no bridge at %s",
                            scope, segment, bridge))
                .secondary();
      }
      rid = Rid.of(segment, bus << 8 | devfn);
    }
    if (rid == null) {
      throw VmmException.invalid("scope %s of segment %d has no path", scope, segment);
    }
    return rid;
  }

  /** Returns the scope that names a function by the way to it. */
  DeviceScope endpoint(Rid rid) {
    List<Integer> path = new ArrayList<>();
    Rid at = rid;
    while (true) {
      path.add(0, at.devfn());
      Optional<Rid> above = above(at);
      if (above.isEmpty()) {
        return new DeviceScope(DeviceScope.Type.PCI_ENDPOINT, 0, at.bus(), path);
      }
      at = above.get();
    }
  }

  private Optional<Rid> above(Rid rid) {
    return bridges.entrySet().stream()
        .filter(
            bridge ->
                bridge.getKey().segment() == rid.segment()
                    && bridge.getValue().secondary() == rid.bus())
        .map(Map.Entry::getKey)
        .findFirst();
  }
}
