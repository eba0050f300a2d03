package dev.vmm.machine.model.pci;

import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The buses of all segments, and the ways through them as software has numbered and opened them.
 * Guarded by the lock of the {@link ModelPci}.
 */
final class PciTree {
  /** One segment: its window of config space and its root buses. */
  record SegmentPart(int segment, int firstBus, int lastBus, long ecamBase, List<ModelBus> roots) {}

  private final List<SegmentPart> parts = new ArrayList<>();

  void add(SegmentPart part) {
    parts.add(part);
  }

  List<SegmentPart> parts() {
    return parts;
  }

  /** Returns a segment; EINVAL if there is none of that number. */
  SegmentPart part(int segment) {
    return parts.stream()
        .filter(part -> part.segment() == segment)
        .findFirst()
        .orElseThrow(() -> VmmException.invalid("this machine has no segment %d", segment));
  }

  /** Returns the BAR that decodes an address. */
  @Nullable BarHit decode(long hpa) {
    for (SegmentPart part : parts) {
      for (ModelBus root : part.roots()) {
        BarHit hit = root.decode(hpa, null);
        if (hit != null) {
          return hit;
        }
      }
    }
    return null;
  }

  /**
   * Says where a request goes, as bridges and access control have it now.
   *
   * @param rid the function's own id, or the one that it carries when it leaves the function
   */
  static Route route(ModelFunction sender, Rid rid, long address) {
    ModelFunction child = sender;
    if (!child.isThere()) {
      return Route.NOWHERE;
    }
    Rid carried = sender.carriedNow(rid);
    Bridge above = child.bus().bridge();
    while (above != null) {
      boolean redirected =
          !above.kind().conventionalBus()
              && (child.redirectsRequests() || above.function().redirectsRequests());
      BarHit peer = redirected ? null : above.secondary().decode(address, child);
      if (peer != null) {
        return new Route(null, peer);
      }
      if (!above.function().masterNow()) {
        return Route.NOWHERE;
      }
      carried = above.passed(carried);
      child = above.function();
      above = child.bus().bridge();
    }
    return new Route(carried, null);
  }

  /** Returns the function whose requests can carry this id. */
  @Nullable ModelFunction sender(Rid rid) {
    ModelFunction exact = find(rid);
    if (exact != null) {
      return exact;
    }
    for (SegmentPart part : parts) {
      for (ModelBus root : part.segment() == rid.segment() ? part.roots() : List.<ModelBus>of()) {
        ModelFunction found = root.sender(rid);
        if (found != null) {
          return found;
        }
      }
    }
    return null;
  }

  /** Returns the functions of a segment whose requests carry another one's id, and which. */
  Map<Rid, Rid> borrowers(int segment) {
    Map<Rid, Rid> all = new TreeMap<>();
    part(segment).roots().forEach(root -> root.borrowers(all));
    return all;
  }

  /** Returns the bus that has this number. */
  @Nullable ModelBus findBus(int segment, int number) {
    List<ModelBus> level = new ArrayList<>();
    for (SegmentPart part : parts) {
      if (part.segment() == segment) {
        level.addAll(part.roots());
      }
    }
    for (int i = 0; i < level.size(); i++) {
      ModelBus bus = level.get(i);
      if (bus.number() == number) {
        return bus;
      }
      for (ModelFunction function : bus.functions()) {
        Bridge bridge = function.asBridge();
        if (bridge != null && bridge.secondaryNumber() != 0) {
          level.add(bridge.secondary());
        }
      }
    }
    return null;
  }

  /** Returns the function that answers to this id. */
  @Nullable ModelFunction find(Rid rid) {
    for (SegmentPart part : parts) {
      if (part.segment() != rid.segment()
          || rid.bus() < part.firstBus()
          || rid.bus() > part.lastBus()) {
        continue;
      }
      for (ModelBus root : part.roots()) {
        ModelFunction function = root.find(rid.bus(), rid.devfn());
        if (function != null) {
          return function;
        }
      }
    }
    return null;
  }
}
