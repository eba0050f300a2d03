package dev.vmm.core;

import dev.vmm.pci.Bar;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How long the BARs of VFs are, as the drivers that claimed some of them found out: nobody can ask
 * for that while VFs are in use, and it is the same for all of a PF.
 *
 * <p>Source: PCI Express Base 5.0, "VF BAR0, VF BAR1, ... VF BAR5". Not thread-safe: used under the
 * I/O MMU's lock.
 */
final class VfShares {
  private record Sized(PciFunction vf, List<Bar> bars) {}

  private final Map<Rid, Sized> sized = new TreeMap<>();

  /** Takes in what the driver of a claimed function found; only of a VF is that kept. */
  void note(PciFunction function, List<Bar> bars) {
    if (function.physicalFunction().isPresent()) {
      sized.put(function.rid(), new Sized(function, List.copyOf(bars)));
    }
  }

  /** Forgets what came of functions that are no longer claimed: others may take their places. */
  void forget(Collection<Rid> functions) {
    functions.forEach(sized::remove);
  }

  /**
   * Returns the length in bytes of a memory BAR that each VF of the same PF has.
   *
   * @param index the register that it begins in, 0 to 5
   * @return 0 if nobody knows
   */
  long of(PciFunction vf, int index) {
    for (Sized each : sized.values()) {
      if (!isSibling(each.vf, vf)) {
        continue;
      }
      for (Bar bar : each.bars) {
        if (bar.index() == index && bar.isMemory()) {
          return bar.lengthBytes();
        }
      }
    }
    return 0;
  }

  private static boolean isSibling(PciFunction one, PciFunction other) {
    return one.physicalFunction().equals(other.physicalFunction())
        && one.vendorId() == other.vendorId()
        && one.deviceId() == other.deviceId();
  }
}
