package dev.vmm.core;

import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A function in the host's hands: the registers by which it signals, and the entries that its
 * messages go through. Not thread-safe.
 */
final class HostFunction {
  private static final Logger LOG = LoggerFactory.getLogger(HostFunction.class);

  /** One place in one of the registers. */
  private record Place(MessageRegisters registers, int index) {}

  private final PciFunction function;
  private final Rid source;
  private final List<MessageRegisters> registers = new ArrayList<>();
  private final List<HostRoute> routes = new ArrayList<>();

  /** Those that were told of an entry. */
  private final Set<MessageRegisters> used = new HashSet<>();

  /** The messages, in the old format, of places that may hold parts of two. */
  private final Map<Place, MsiMessage> torn = new HashMap<>();

  /** The last complaint about it, so that it is made once. */
  private String complaint = "";

  /**
   * Reads what never changes.
   *
   * @param source the requester id that its messages carry
   * @param shares knows how long a VF's BARs are
   */
  HostFunction(Machine machine, PciFunction function, Rid source, VfShares shares) {
    this.function = function;
    this.source = source;
    MsiRegisters.of(function).ifPresent(registers::add);
    MsixRegisters.of(machine, function, shares).ifPresent(registers::add);
  }

  PciFunction function() {
    return function;
  }

  Rid source() {
    return source;
  }

  /** Says whether another function is there now, or its messages carry another id. */
  boolean differs(PciFunction found, Rid itsSource) {
    return !source.equals(itsSource)
        || found.vendorId() != function.vendorId()
        || found.deviceId() != function.deviceId();
  }

  /** Says whether it has entries. */
  boolean hasRoutes() {
    return !routes.isEmpty();
  }

  /** Says whether it may send anything. */
  boolean isBusMaster() {
    return (function.config().read16(PciCommand.OFFSET) & PciCommand.BUS_MASTER) != 0;
  }

  /** Logs what stands in its way, unless that was the last. */
  void complain(VmmException e) {
    if (!complaint.equals(e.getMessage())) {
      complaint = String.valueOf(e.getMessage());
      LOG.warn(
          "{} of the host does not signal while interrupts are remapped: {}", function, complaint);
    }
  }

  /**
   * Reserves entries for what it sends in the old format.
   *
   * @return whether there is any
   */
  boolean reserve(InterruptRemapping remapping) {
    boolean any = false;
    for (MessageRegisters each : registers) {
      if (!each.enabled()) {
        continue;
      }
      List<MessageSlot> old =
          each.read().stream()
              .filter(slot -> slot.isInterrupt() && original(slot.first()) == null)
              .toList();
      List<MessageSlot> fresh =
          old.stream()
              .filter(slot -> remapped(slot) == null)
              .map(slot -> new MessageSlot(0, slot.first(), slot.count()))
              .distinct()
              .toList();
      if (!fresh.isEmpty()) {
        routes.add(open(remapping, each, fresh));
      }
      if (!old.isEmpty()) {
        used.add(each);
        any = true;
      }
    }
    return any;
  }

  private HostRoute open(
      InterruptRemapping remapping, MessageRegisters each, List<MessageSlot> slots) {
    try {
      return HostRoute.open(remapping, source, slots, false);
    } catch (VmmException e) {
      throw new VmmException(e.errno(), function + ", " + each.where() + ": " + e.getMessage(), e);
    }
  }

  /** Reserves entries that its driver asks for. */
  HostRoute open(InterruptRemapping remapping, MsiMessage first, int count) {
    HostRoute route =
        HostRoute.open(remapping, source, List.of(new MessageSlot(0, first, count)), true);
    routes.add(route);
    return route;
  }

  /** Ends entries that its driver asked for. */
  void end(HostRoute route) {
    route.close();
    routes.remove(route);
  }

  /** Keeps it from sending messages that it has entries for. */
  void hold() {
    if (hasRoutes()) {
      registers.stream().filter(MessageRegisters::enabled).forEach(MessageRegisters::hold);
    }
  }

  /** Has it send what names its entries, or else what it sent before. While held. */
  void write(boolean toEntries) {
    if (!hasRoutes()) {
      return;
    }
    for (MessageRegisters each : registers) {
      // What was never told of an entry is not looked at: it may be out of reach.
      if (each.enabled() || (!toEntries && used.contains(each) && each.answers())) {
        write(each, toEntries);
      }
    }
  }

  private void write(MessageRegisters each, boolean toEntries) {
    for (MessageSlot slot : each.read()) {
      Place place = new Place(each, slot.index());
      MsiMessage old = old(place, slot);
      MsiMessage wanted = old == null || !toEntries ? old : remapped(slot.with(old));
      if (old == null || wanted == null) {
        continue;
      }
      if (!wanted.equals(slot.first())) {
        torn.put(place, old);
        each.write(slot.index(), wanted);
      }
      torn.remove(place);
    }
  }

  /** Returns what a place held, or holds, in the old format; null if that is not known here. */
  private @Nullable MsiMessage old(Place place, MessageSlot slot) {
    MsiMessage half = torn.get(place);
    if (half != null) {
      return half;
    }
    MsiMessage before = original(slot.first());
    return before != null ? before : remapped(slot) != null ? slot.first() : null;
  }

  /** Lets it send again. */
  void release() {
    registers.forEach(MessageRegisters::release);
  }

  /** Gives entries back of which it uses none any more, unless its driver asked for them. */
  void dropUnused() {
    List<MessageSlot> used = new ArrayList<>();
    registers.stream().filter(MessageRegisters::enabled).forEach(each -> used.addAll(each.read()));
    for (HostRoute route : List.copyOf(routes)) {
      if (!route.asked() && used.stream().noneMatch(s -> route.original(s.first()) != null)) {
        end(route);
      }
    }
  }

  /** Gives all its entries back. */
  void endAll() {
    Failures failures = new Failures();
    for (HostRoute route : List.copyOf(routes)) {
      failures.attempt("giving interrupt entries of " + function + " back", () -> end(route));
    }
    failures.throwFirst();
  }

  private @Nullable MsiMessage remapped(MessageSlot slot) {
    for (HostRoute route : routes) {
      MsiMessage found = route.remapped(slot);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private @Nullable MsiMessage original(MsiMessage message) {
    for (HostRoute route : routes) {
      MsiMessage found = route.original(message);
      if (found != null) {
        return found;
      }
    }
    return null;
  }
}
