package dev.vmm.pci.topology;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The PCI functions of a machine as one scan found them, with what that says of isolation: the
 * requester ids that each can send, and the group that each is in.
 *
 * <p>All registers are read when it is made, and none later. Immutable and thread-safe.
 *
 * <p>Source: PCI Express to PCI/PCI-X Bridge 1.0, "Requester ID" (a bridge puts its secondary bus
 * number, device 0, function 0, on what it forwards from a conventional bus); PCI-to-PCI Bridge
 * Architecture 1.2 (a conventional bridge makes requests its own); PCI Express Base 5.0, "Device
 * Control Register" (Phantom Functions Enable), "Access Control Services (ACS)".
 */
public final class PciTopology {
  private final Map<Rid, Facts> facts = new TreeMap<>();
  private final Map<Rid, RequesterIds> requesterIds = new TreeMap<>();
  private final Function<Rid, ? extends Collection<Rid>> firmwareAliases;
  private volatile @Nullable IsolationGroups groups;

  private PciTopology(
      List<PciFunction> functions, Function<Rid, ? extends Collection<Rid>> firmwareAliases) {
    this.firmwareAliases = firmwareAliases;
    for (PciFunction function : functions) {
      facts.put(function.rid(), Facts.read(function));
    }
    facts.keySet().forEach(rid -> requesterIds.put(rid, collect(rid)));
  }

  /**
   * Reads the registers of these functions.
   *
   * @param functions all functions of the machine, as {@link dev.vmm.pci.PciBus#functions()} found
   *     them
   * @throws VmmException what {@link dev.vmm.pci.PciBus#read} throws
   */
  public static PciTopology of(List<PciFunction> functions) {
    return of(functions, rid -> List.of());
  }

  /**
   * As {@link #of(List)}, with what firmware says beside.
   *
   * @param firmwareAliases the requester ids that, by firmware's tables, the requests of a
   *     requester id can carry beside it; empty for most. AMD's IVRS has such entries. Asked for
   *     every requester id of a function, when the topology is made and by {@link #requesterIds}
   */
  public static PciTopology of(
      List<PciFunction> functions, Function<Rid, ? extends Collection<Rid>> firmwareAliases) {
    return new PciTopology(functions, firmwareAliases);
  }

  /** Returns all functions, by requester id. */
  public List<PciFunction> functions() {
    return facts.values().stream().map(Facts::function).toList();
  }

  /** Returns the function with this requester id. */
  public Optional<PciFunction> function(Rid rid) {
    return Optional.ofNullable(facts.get(rid)).map(Facts::function);
  }

  /**
   * Returns the bridges and ports above a function, the nearest first; a VF has its PF's. Empty on
   * a root bus, and for a function that is not there. Where bridges lead back to one that was met,
   * it ends.
   */
  public List<PciFunction> bridgesAbove(Rid rid) {
    return above(rid).stream().map(Facts::function).toList();
  }

  private List<Facts> above(Rid rid) {
    Map<Rid, Facts> found = new LinkedHashMap<>();
    Facts here = facts.get(rid);
    while (here != null) {
      Facts next = here.function().bridge().map(facts::get).orElse(null);
      if (next != null && found.putIfAbsent(next.function().rid(), next) != null) {
        break;
      }
      here = next;
    }
    return List.copyOf(found.values());
  }

  /**
   * Returns the requester ids that a function can send: its own; those of its phantom functions
   * while they are enabled; what each bridge above it puts in their place; and firmware's aliases
   * of all these. A bridge's own include what it puts on requests from behind it, whether a
   * function is there or not.
   *
   * <p>A PCI Express to PCI bridge uses its secondary bus number, device 0, function 0. A bridge
   * that does not say that it is PCI Express uses its own requester id, or may be a PCI Express to
   * PCI bridge that hides what it is, as some do: both are among the function's then.
   *
   * @return those of a function that is not there: its own, and firmware's aliases
   */
  public RequesterIds requesterIds(Rid rid) {
    RequesterIds known = requesterIds.get(rid);
    return known != null ? known : collect(rid);
  }

  /**
   * Returns the requester id that a function's interrupt messages carry when they reach the I/O
   * MMU: the one that a bridge or firmware's alias puts in the place of its own, else its own.
   * Where it cannot be known which of several that is, it is the function's own: its messages are
   * blocked then, not somebody else's let through. Phantom functions send no messages.
   */
  public Rid messageSource(Rid rid) {
    Set<Rid> given = new LinkedHashSet<>();
    above(rid).forEach(bridge -> given.addAll(replacements(bridge)));
    List<Rid> sent = new ArrayList<>(given);
    sent.add(rid);
    sent.forEach(id -> given.addAll(firmwareAliases.apply(id)));
    return given.size() == 1 ? given.iterator().next() : rid;
  }

  private RequesterIds collect(Rid rid) {
    Map<Rid, String> ids = new LinkedHashMap<>();
    ids.put(rid, "");
    Facts own = facts.get(rid);
    if (own != null) {
      phantomFunctions(own).forEach(id -> ids.putIfAbsent(id, own.phantomEvidence()));
      if (own.function().isBridge()) {
        addReplacements(own, ids);
      }
      above(rid).forEach(bridge -> addReplacements(bridge, ids));
    }
    for (Rid id : List.copyOf(ids.keySet())) {
      for (Rid alias : firmwareAliases.apply(id)) {
        ids.putIfAbsent(alias, "firmware names it as the alias of " + id);
      }
    }
    List<String> evidence = new ArrayList<>();
    ids.forEach(
        (id, why) -> {
          if (!why.isEmpty()) {
            evidence.add(id + ": " + why);
          }
        });
    return new RequesterIds(rid, ids.keySet(), evidence);
  }

  /** Returns the ids that differ from the function's in the bits that phantom functions use. */
  private static Set<Rid> phantomFunctions(Facts own) {
    Set<Rid> phantom = new LinkedHashSet<>();
    Rid rid = own.function().rid();
    int stride = 8 >> own.phantomBits();
    for (int function = rid.function() % stride; function < 8; function += stride) {
      phantom.add(new Rid(rid.segment(), rid.bus(), rid.device(), function));
    }
    return phantom;
  }

  private static void addReplacements(Facts bridge, Map<Rid, String> ids) {
    String why =
        "the bridge "
            + bridge.function().rid()
            + " puts it on what it forwards: "
            + bridge.bridgeEvidence();
    replacements(bridge).forEach(id -> ids.putIfAbsent(id, why));
  }

  /** Returns what a bridge may put in the place of requester ids; nothing if it keeps them. */
  private static List<Rid> replacements(Facts bridge) {
    List<Rid> ids = new ArrayList<>();
    Rid rid = bridge.function().rid();
    if (!bridge.keepsRequesterIds()) {
      if (!bridge.isToPci()) {
        ids.add(rid);
      }
      if (bridge.secondaryBus() != 0) {
        ids.add(new Rid(rid.segment(), bridge.secondaryBus(), 0, 0));
      }
    }
    return ids;
  }

  /**
   * Returns the other endpoints that can send one of a function's requester ids: the I/O MMU cannot
   * tell them from it. By requester id; empty for most functions.
   */
  public List<PciFunction> sharing(Rid rid) {
    Set<Rid> ids = requesterIds(rid).all();
    return senders(ids).stream().filter(function -> !function.rid().equals(rid)).toList();
  }

  /** Returns the endpoints that can send one of these requester ids, by requester id. */
  public List<PciFunction> senders(Collection<Rid> ids) {
    return facts.values().stream()
        .map(Facts::function)
        .filter(function -> !function.isBridge() && requesterIds(function.rid()).anyOf(ids))
        .toList();
  }

  /**
   * Returns the isolation group that a function is in. These belong together:
   *
   * <ul>
   *   <li>a root port, or a switch's downstream port, that has not all of ACS Source Validation,
   *       P2P Request Redirect, P2P Completion Redirect and Upstream Forwarding enabled, or has P2P
   *       Egress Control enabled, or Direct Translated P2P without Translation Blocking, which let
   *       requests past the redirects; and everything behind it. A downstream port like that also
   *       takes its switch's other ports, to which it sends without asking;
   *   <li>the functions of a multi-function device, and a PF with its VFs, where one of them does
   *       not redirect its peer-to-peer requests, with everything behind those that are bridges;
   *   <li>a bridge to or from a conventional bus, and everything behind it;
   *   <li>functions that can send the same requester id.
   * </ul>
   *
   * What is not required of a function and not implemented counts as a request that it never makes.
   * Different devices of a root bus are taken to be apart: what a root complex does between them it
   * does not say.
   *
   * @throws VmmException ENXIO if there is no such function
   */
  public IsolationGroup group(Rid rid) {
    if (!facts.containsKey(rid)) {
      throw new VmmException(
          Errno.ENXIO,
          "no isolation group has "
              + rid
              + ": there is no such function; list the functions that are there");
    }
    IsolationGroups present = groups;
    if (present == null) {
      present = new IsolationGroups(facts, requesterIds);
      groups = present;
    }
    return present.of(rid);
  }
}
