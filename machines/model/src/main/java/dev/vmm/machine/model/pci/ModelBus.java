package dev.vmm.machine.model.pci;

import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** One bus and the functions on it. Guarded by the lock of the {@link ModelPci}. */
final class ModelBus {
  private final @Nullable Bridge bridge;
  private final int segment;
  private final int rootNumber;
  private final TreeMap<Integer, ModelFunction> functions = new TreeMap<>();

  /** Makes a root bus. */
  ModelBus(int segment, int number) {
    this.bridge = null;
    this.segment = segment;
    this.rootNumber = number;
  }

  /** Makes the bus behind a bridge. */
  ModelBus(Bridge bridge, int segment) {
    this.bridge = bridge;
    this.segment = segment;
    this.rootNumber = -1;
  }

  int segment() {
    return segment;
  }

  boolean isRoot() {
    return bridge == null;
  }

  @Nullable Bridge bridge() {
    return bridge;
  }

  int number() {
    return bridge == null ? rootNumber : bridge.secondaryNumber();
  }

  boolean isInReset() {
    return bridge != null && bridge.isInReset();
  }

  Collection<ModelFunction> functions() {
    return functions.values();
  }

  @Nullable ModelFunction at(int devfn) {
    return functions.get(devfn);
  }

  void put(ModelFunction function) {
    if (functions.putIfAbsent(function.devfn(), function) != null) {
      throw new IllegalArgumentException(
          String.format(
              "there is a function at %02x.%x already",
              function.devfn() >>> 3, function.devfn() & 7));
    }
    markDevice(function.devfn() >>> 3);
  }

  void remove(ModelFunction function) {
    functions.remove(function.devfn());
    markDevice(function.devfn() >>> 3);
  }

  private void markDevice(int device) {
    functions.subMap(8 * device, 8 * device + 8).values().forEach(this::markMultiFunction);
  }

  /** Brings the Multi-Function Device bit of a function up to date. */
  void markMultiFunction(ModelFunction function) {
    int device = function.devfn() >>> 3;
    boolean multi = functions.subMap(8 * device, 8 * device + 8).size() > 1;
    int type = function.config().read(Header.TYPE, 1) & ~Header.MULTI_FUNCTION;
    function.config().put(Header.TYPE, 1, type | (multi ? Header.MULTI_FUNCTION : 0));
  }

  void reset() {
    functions.values().forEach(ModelFunction::reset);
  }

  /**
   * Finds who answers config accesses to a bus and function number: on this bus, by a PF of it as
   * its VF, or behind a bridge that claims the bus number.
   */
  @Nullable ModelFunction find(int number, int devfn) {
    ModelFunction here = number == number() ? functions.get(devfn) : null;
    if (here != null) {
      return here;
    }
    for (ModelFunction function : functions.values()) {
      if (function.answersOnlyForItself()) {
        continue;
      }
      for (ModelFunction virtual : function.virtualNow()) {
        if (virtual.ridNow().id16() == (number << 8 | devfn)) {
          return virtual;
        }
      }
      Bridge below = function.asBridge();
      if (below != null
          && !below.isInReset()
          && below.secondaryNumber() != 0
          && number >= below.secondaryNumber()
          && number <= below.subordinateNumber()) {
        ModelFunction found = below.secondary().find(number, devfn);
        if (found != null) {
          return found;
        }
      }
    }
    return null;
  }

  /** Finds the function that sends requests with this id, a phantom function's perhaps. */
  @Nullable ModelFunction sender(Rid rid) {
    for (ModelFunction function : functions.values()) {
      if (function.sends(rid)) {
        return function;
      }
      for (ModelFunction virtual : function.virtualNow()) {
        if (virtual.sends(rid)) {
          return virtual;
        }
      }
      Bridge below = function.asBridge();
      ModelFunction found = below == null ? null : below.secondary().sender(rid);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  /** Adds the functions on this bus or below whose requests carry another one's id, and which. */
  void borrowers(Map<Rid, Rid> all) {
    for (ModelFunction function : functions.values()) {
      Rid own = function.ridNow();
      Rid carried = function.carriedNow(own);
      if (!carried.equals(own)) {
        all.put(own, carried);
      }
      Bridge below = function.asBridge();
      if (below != null) {
        below.secondary().borrowers(all);
      }
    }
  }

  /** Finds the BAR at an address on this bus or below, as bridges hand it down. */
  @Nullable BarHit decode(long address, @Nullable ModelFunction except) {
    for (ModelFunction function : functions.values()) {
      if (function == except) {
        continue;
      }
      BarHit hit = function.decode(address);
      for (ModelFunction virtual : function.virtualNow()) {
        hit = hit != null || virtual == except ? hit : virtual.decode(address);
      }
      Bridge below = function.asBridge();
      if (hit == null && below != null && below.forwardsDown(address)) {
        hit = below.secondary().decode(address, null);
      }
      if (hit != null) {
        return hit;
      }
    }
    return null;
  }
}
