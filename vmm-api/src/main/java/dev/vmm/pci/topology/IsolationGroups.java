package dev.vmm.pci.topology;

import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Joins functions into groups, each time with the reason. Immutable once made. */
final class IsolationGroups {
  /** Why functions were joined; {@code at} is one of them. */
  private record Reason(Rid at, String text) {}

  /** What makes functions one device: where it is, or the port or PF that it belongs to. */
  private record Device(String kind, Rid at) {}

  private final Map<Rid, Facts> facts;
  private final Map<Rid, RequesterIds> requesterIds;
  private final Map<Rid, List<Rid>> children = new HashMap<>();

  /** A forest: each function's parent, itself for the first of a group. */
  private final Map<Rid, Rid> parent = new HashMap<>();

  private final List<Reason> reasons = new ArrayList<>();

  IsolationGroups(Map<Rid, Facts> facts, Map<Rid, RequesterIds> requesterIds) {
    this.facts = facts;
    this.requesterIds = requesterIds;
    for (Facts each : facts.values()) {
      Rid rid = each.function().rid();
      parent.put(rid, rid);
      each.function()
          .bridge()
          .ifPresent(above -> children.computeIfAbsent(above, key -> new ArrayList<>()).add(rid));
    }
    facts.values().stream().filter(each -> each.function().isBridge()).forEach(this::joinBridge);
    joinDevices();
    joinSenders();
    // Looked up without changing anything from here on.
    parent.replaceAll((rid, above) -> first(rid));
  }

  IsolationGroup of(Rid rid) {
    Rid first = first(rid);
    List<PciFunction> members = new ArrayList<>();
    List<PciFunction> bridges = new ArrayList<>();
    for (Facts each : facts.values()) {
      if (first(each.function().rid()).equals(first)) {
        (each.function().isBridge() ? bridges : members).add(each.function());
      }
    }
    List<String> why =
        reasons.stream()
            .filter(reason -> first(reason.at()).equals(first))
            .map(Reason::text)
            .toList();
    return new IsolationGroup(members, bridges, why);
  }

  private void joinBridge(Facts bridge) {
    Rid rid = bridge.function().rid();
    if (!bridge.keepsRequesterIds()) {
      join(tree(rid));
      reasons.add(
          new Reason(
              rid,
              "all behind the bridge "
                  + rid
                  + " share a bus or its requester id: "
                  + bridge.bridgeEvidence()));
    } else if (bridge.leadsToOneDevice() && !bridge.isolates()) {
      join(tree(rid));
      String who = "what is behind the port ";
      if (bridge.isDownstreamPort()) {
        bridge.function().bridge().map(children::get).ifPresent(ports -> join(trees(ports)));
        who = "what is behind the switch of the port ";
      }
      reasons.add(
          new Reason(rid, who + rid + " can reach each other through it: " + bridge.acsEvidence()));
    }
  }

  private void joinDevices() {
    Map<Device, List<Facts>> devices = new LinkedHashMap<>();
    for (Facts each : facts.values()) {
      devices.computeIfAbsent(deviceOf(each.function()), key -> new ArrayList<>()).add(each);
    }
    for (List<Facts> functions : devices.values()) {
      List<Facts> open = functions.stream().filter(each -> !each.isolates()).toList();
      if (functions.size() < 2 || open.isEmpty()) {
        continue;
      }
      List<Rid> rids = functions.stream().map(each -> each.function().rid()).toList();
      join(trees(rids));
      String others = open.size() == 1 ? "" : "; nor do " + (open.size() - 1) + " more isolate";
      reasons.add(
          new Reason(
              rids.get(0),
              rids.get(0)
                  + " to "
                  + rids.get(rids.size() - 1)
                  + " are "
                  + rids.size()
                  + " functions of one device that can reach each other in it: "
                  + open.get(0).acsEvidence()
                  + others));
    }
  }

  /** A VF belongs to its PF's device; behind a port's link there is one device, ARI or not. */
  private Device deviceOf(PciFunction function) {
    PciFunction physical =
        function.physicalFunction().map(facts::get).map(Facts::function).orElse(function);
    Optional<Facts> port =
        physical.bridge().map(facts::get).filter(above -> above.leadsToOneDevice());
    if (port.isPresent()) {
      return new Device("behind", port.get().function().rid());
    }
    Rid rid = physical.physicalFunction().orElse(physical.rid());
    return new Device("at", new Rid(rid.segment(), rid.bus(), rid.device(), 0));
  }

  private void joinSenders() {
    Map<Rid, List<Rid>> senders = new TreeMap<>();
    for (Facts each : facts.values()) {
      Rid rid = each.function().rid();
      if (each.function().isBridge()) {
        continue;
      }
      for (Rid id : requesterIds.getOrDefault(rid, RequesterIds.only(rid)).all()) {
        senders.computeIfAbsent(id, key -> new ArrayList<>()).add(rid);
      }
    }
    senders.forEach(
        (id, rids) -> {
          Set<Rid> together = new LinkedHashSet<>(rids);
          if (facts.containsKey(id)) {
            together.add(id);
          }
          if (together.size() > 1) {
            join(together);
            reasons.add(
                new Reason(
                    rids.get(0),
                    rids + " can send the requester id " + id + ": " + evidence(rids, id)));
          }
        });
  }

  private String evidence(List<Rid> senders, Rid id) {
    return senders.stream()
        .flatMap(rid -> requesterIds.getOrDefault(rid, RequesterIds.only(rid)).evidence().stream())
        .filter(text -> text.startsWith(id + ": "))
        .map(text -> text.substring((id + ": ").length()))
        .findFirst()
        .orElse("it is one's own");
  }

  /** Returns a function and all behind it. */
  private Set<Rid> tree(Rid rid) {
    return trees(List.of(rid));
  }

  private Set<Rid> trees(Collection<Rid> roots) {
    Set<Rid> found = new LinkedHashSet<>();
    List<Rid> open = new ArrayList<>(roots);
    for (int i = 0; i < open.size(); i++) {
      if (found.add(open.get(i))) {
        open.addAll(children.getOrDefault(open.get(i), List.of()));
      }
    }
    return found;
  }

  private void join(Collection<Rid> rids) {
    Rid one = null;
    for (Rid rid : rids) {
      Rid first = first(rid);
      if (one == null) {
        one = first;
      } else {
        parent.put(first, one);
      }
    }
  }

  private Rid first(Rid rid) {
    Rid at = rid;
    for (Rid above = parent.get(at); above != null && !above.equals(at); above = parent.get(at)) {
      at = above;
    }
    return at;
  }
}
