package dev.vmm.core;

import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Who sat at the requester ids of functions when these came into a VM's domain: another one that
 * was plugged in there since must not inherit it. Not every machine tells of that, and a hot-plug
 * interrupt can get lost.
 *
 * <p>Not thread-safe: used under the I/O MMU's lock.
 */
final class Occupants {
  private static final int IDS = 0x00;
  private static final int REVISION_AND_CLASS = 0x08;
  private static final int SUBSYSTEM = 0x2c;
  private static final int BAR0 = 0x10;
  private static final int BARS = 6;

  /**
   * What stays as long as nobody else sits there. Power-on clears the base addresses, which nobody
   * changes while a VM has the function: so one of the same kind is told apart, too.
   */
  private record Identity(int ids, int classCode, int subsystem, List<Integer> bars) {
    static Identity of(PciFunction function) {
      return of(
          function.deviceId() << 16 | function.vendorId(), function.classCode(), function.config());
    }

    static Identity of(int ids, int classCode, ConfigSpace config) {
      List<Integer> bars = new ArrayList<>();
      for (int i = 0; i < BARS; i++) {
        bars.add(config.read32(BAR0 + 4 * i));
      }
      return new Identity(ids, classCode, config.read32(SUBSYSTEM), bars);
    }

    /** Says whether a register gave what a function that does not answer gives. */
    boolean unanswered() {
      return subsystem == -1 || bars.contains(-1);
    }
  }

  private final Map<Rid, Identity> known = new HashMap<>();

  /** Notes who sits there now. A function that is not there is not noted. */
  void meet(Collection<Rid> functions, PciTopology topology) {
    for (Rid rid : functions) {
      topology.function(rid).ifPresent(function -> known.put(rid, Identity.of(function)));
    }
  }

  /**
   * Says whether another one seems to sit at a function's place than the one that was met, by a few
   * registers there; {@link #replaced} decides. Of a VF, whose ids are its PF's, it never does.
   */
  boolean seemsReplaced(Rid function, ConfigSpace config) {
    Identity met = known.get(function);
    int ids = met == null ? -1 : config.read32(IDS);
    if (ids == -1) {
      return false;
    }
    Identity now = Identity.of(ids, config.read32(REVISION_AND_CLASS) >>> 8, config);
    return !now.unanswered() && !now.equals(met);
  }

  /**
   * Returns those of the functions where another one sits than the one that was met.
   *
   * @param seated all that still matter; others are forgotten
   */
  List<Rid> replaced(Collection<Rid> seated, PciTopology topology) {
    known.keySet().retainAll(seated);
    List<Rid> replaced = new ArrayList<>();
    for (Map.Entry<Rid, Identity> entry : known.entrySet()) {
      PciFunction there = topology.function(entry.getKey()).orElse(null);
      if (there == null) {
        continue; // it may be back the next time
      }
      Identity now = Identity.of(there);
      if (!now.unanswered() && !Objects.equals(now, entry.getValue())) {
        replaced.add(entry.getKey());
      }
    }
    return replaced;
  }
}
