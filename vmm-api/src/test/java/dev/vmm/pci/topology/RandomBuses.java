package dev.vmm.pci.topology;

import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A random machine on a fake bus, and what is true of it, found by following requests through the
 * description that it was made from: no register is read.
 */
final class RandomBuses {
  private enum Kind {
    ENDPOINT(0),
    CONVENTIONAL(-1),
    ROOT_PORT(4),
    UPSTREAM(5),
    DOWNSTREAM(6),
    TO_PCI(7),
    FROM_PCI(8),
    CONVENTIONAL_BRIDGE(-1);

    final int type;

    Kind(int type) {
      this.type = type;
    }

    boolean bridge() {
      return ordinal() >= ROOT_PORT.ordinal();
    }
  }

  /** One function; {@code device} is the same object for all functions of one device. */
  private static final class Node {
    final Rid rid;
    final Kind kind;
    final @Nullable Node above;
    final Object device;
    final List<Node> below = new ArrayList<>();
    boolean isolates;
    int phantomBits;
    int secondary;

    Node(Rid rid, Kind kind, @Nullable Node above, Object device) {
      this.rid = rid;
      this.kind = kind;
      this.above = above;
      this.device = device;
    }
  }

  private final Random random;
  private final FakePci pci = new FakePci(List.of(new PciBus.Segment(0, 0, 255, List.of(0, 0x80))));
  private final Map<Rid, Node> nodes = new TreeMap<>();
  private final Map<Rid, Rid> aliases = new TreeMap<>();
  private final Map<Rid, Set<Rid>> carried = new TreeMap<>();
  private int nextBus = 1;

  RandomBuses(int seed) {
    random = new Random(seed);
    fill(0, null, 0);
    nextBus = 0x81;
    fill(0x80, null, 0);
    List<Rid> rids = List.copyOf(nodes.keySet());
    for (int i = random.nextInt(3); i > 0; i--) {
      aliases.put(rids.get(random.nextInt(rids.size())), rids.get(random.nextInt(rids.size())));
    }
  }

  PciTopology topology() {
    return PciTopology.of(
        pci.functions(), id -> aliases.containsKey(id) ? Set.of(aliases.get(id)) : Set.of());
  }

  Set<Rid> all() {
    return nodes.keySet();
  }

  private void fill(int bus, @Nullable Node above, int depth) {
    boolean link = above != null && (above.kind == Kind.ROOT_PORT || above.kind == Kind.DOWNSTREAM);
    int devices = link ? 1 : 1 + random.nextInt(3);
    Object onLink = new Object();
    for (int device = 0; device < devices; device++) {
      Object one = link ? onLink : new Object();
      int functions = random.nextInt(3) == 0 ? 2 + random.nextInt(2) : 1;
      for (int function = 0; function < functions; function++) {
        Kind kind = Kind.values()[random.nextInt(depth > 1 ? 2 : Kind.values().length)];
        add(new Node(new Rid(0, bus, device, function), kind, above, one), functions > 1, depth);
      }
    }
  }

  private void add(Node node, boolean multi, int depth) {
    FakePci.Function function = put(node);
    if (multi) {
      TestBuses.multiFunction(function);
    }
    if (node.kind.bridge()) {
      node.secondary = random.nextInt(8) == 0 ? 0 : nextBus++;
      function.config.put(0x19, (byte) node.secondary);
      if (node.secondary != 0) {
        fill(node.secondary, node, depth + 1);
      }
    } else if (node.kind == Kind.ENDPOINT && !multi && random.nextInt(4) == 0) {
      int vfs = 1 + random.nextInt(2);
      TestBuses.sriov(function, vfs);
      for (int i = 1; i <= vfs; i++) {
        Rid rid = Rid.of(0, node.rid.id16() + i);
        put(new Node(rid, Kind.ENDPOINT, node.above, node.device));
      }
    }
  }

  private FakePci.Function put(Node node) {
    nodes.put(node.rid, node);
    if (node.above != null) {
      node.above.below.add(node);
    }
    FakePci.Function function =
        node.kind.bridge()
            ? pci.addBridge(node.rid.toString(), 0, 255)
            : pci.add(node.rid.toString(), 1, 1, 0);
    if (node.kind.type < 0) {
      return function;
    }
    TestBuses.express(function, node.kind.type);
    node.phantomBits = random.nextInt(6) == 0 ? 1 + random.nextInt(3) : 0;
    boolean enabled = random.nextBoolean();
    TestBuses.phantom(function, node.phantomBits, enabled);
    if (!enabled || node.kind.bridge()) {
      node.phantomBits = 0;
    }
    control(node, function);
    return function;
  }

  /** Gives it one of the settings of ACS that the book's rules tell apart. */
  private void control(Node node, FakePci.Function function) {
    switch (random.nextInt(6)) {
      case 0 -> {}
      case 1 -> TestBuses.acs(function, 0x7f, 1 << random.nextInt(5));
      case 2 -> TestBuses.acs(function, 0x7f, 0x1d | (random.nextBoolean() ? 0x20 : 0x40));
      case 3 -> {
        // Direct Translated P2P, which Translation Blocking takes back: ports have that.
        TestBuses.acs(function, 0x7f, 0x5f);
        node.isolates = node.kind == Kind.ROOT_PORT || node.kind == Kind.DOWNSTREAM;
      }
      case 4 -> {
        TestBuses.acs(function, 0x1d, 0x1d);
        node.isolates = true;
      }
      default -> {
        TestBuses.acs(function, 0x01, 0x01);
        node.isolates = node.kind != Kind.DOWNSTREAM;
      }
    }
    node.isolates &= node.kind != Kind.TO_PCI && node.kind != Kind.FROM_PCI;
  }

  /** Returns every requester id under which a request of this function can arrive. */
  Set<Rid> carried(Rid rid) {
    return carried.computeIfAbsent(rid, this::follow);
  }

  /** Follows a request to the root complex, and notes every id that it can carry on the way. */
  private Set<Rid> follow(Rid rid) {
    Node node = nodes.get(rid);
    Set<Rid> seen = new TreeSet<>(Set.of(rid));
    int changing = 8 - (8 >> node.phantomBits);
    for (int function = 0; function < 8; function++) {
      if ((function & ~changing) == (rid.function() & ~changing)) {
        seen.add(new Rid(0, rid.bus(), rid.device(), function));
      }
    }
    for (Node at = node.kind.bridge() ? node : node.above; at != null; at = at.above) {
      switch (at.kind) {
        case TO_PCI -> behind(at, seen);
        case FROM_PCI, CONVENTIONAL_BRIDGE -> {
          seen.add(at.rid);
          behind(at, seen);
        }
        default -> {}
      }
    }
    for (Rid id : List.copyOf(seen)) {
      if (aliases.containsKey(id)) {
        seen.add(aliases.get(id));
      }
    }
    return seen;
  }

  private static void behind(Node bridge, Set<Rid> seen) {
    if (bridge.secondary != 0) {
      seen.add(new Rid(0, bridge.secondary, 0, 0));
    }
  }

  /** Returns who can reach whom, over any number of stations, in either direction. */
  Set<Set<Rid>> groups() {
    Map<Rid, Set<Rid>> near = new TreeMap<>();
    nodes.keySet().forEach(rid -> near.put(rid, new HashSet<>(Set.of(rid))));
    for (Node node : nodes.values()) {
      for (Rid other : reached(node)) {
        near.get(node.rid).add(other);
        near.get(other).add(node.rid);
      }
    }
    Set<Set<Rid>> groups = new LinkedHashSet<>();
    for (Rid rid : nodes.keySet()) {
      Set<Rid> group = new TreeSet<>();
      List<Rid> open = new ArrayList<>(List.of(rid));
      for (int i = 0; i < open.size(); i++) {
        if (group.add(open.get(i))) {
          open.addAll(near.get(open.get(i)));
        }
      }
      groups.add(group);
    }
    return groups;
  }

  /**
   * Sends requests from a function, or from a device that could be plugged in behind a bridge, to
   * everybody, and returns whom they reach without having been to the root complex; and those that
   * the function can pass for.
   */
  private Set<Rid> reached(Node from) {
    Set<Rid> reached = new HashSet<>();
    for (Node at = from; at != null; at = at.above) {
      // Where the request comes from below it has passed the bridge, unless it is turned there.
      boolean through = at != from || at.kind.bridge();
      if (through && turnsBack(at)) {
        down(at, reached);
        if (at.kind == Kind.DOWNSTREAM && at.above != null) {
          at.above.below.forEach(port -> down(port, reached));
        }
      }
      if (!at.isolates) {
        for (Node sibling : nodes.values()) {
          if (sibling.device == at.device && sibling != at) {
            down(sibling, reached);
            down(at, reached);
          }
        }
      }
    }
    if (!from.kind.bridge()) {
      for (Node other : nodes.values()) {
        Set<Rid> others = other.kind.bridge() ? Set.of(other.rid) : carried(other.rid);
        if (!Collections.disjoint(carried(from.rid), others)) {
          reached.add(other.rid);
        }
      }
    }
    return reached;
  }

  private static boolean turnsBack(Node bridge) {
    return switch (bridge.kind) {
      case ROOT_PORT, DOWNSTREAM -> !bridge.isolates;
      case UPSTREAM -> false;
      default -> true;
    };
  }

  private static void down(Node node, Set<Rid> reached) {
    reached.add(node.rid);
    node.below.forEach(each -> down(each, reached));
  }
}
