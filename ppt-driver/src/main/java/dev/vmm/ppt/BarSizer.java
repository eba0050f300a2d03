package dev.vmm.ppt;

import dev.vmm.pci.Bar;
import dev.vmm.pci.Bars;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Sizes the BARs of functions to be attached, so that no VF that is attached already loses its
 * registers meanwhile: the first VF of a PF is sized, the others follow from it.
 *
 * <p>Thread-safe; its lock is a leaf.
 */
final class BarSizer {
  private record Sized(PciFunction function, List<Bar> bars) {}

  private final PciBus pci;
  private final Map<Rid, Sized> sized = new TreeMap<>();

  BarSizer(PciBus pci) {
    this.pci = pci;
  }

  synchronized List<Bar> size(PciFunction function) {
    List<Bar> bars = null;
    if (function.physicalFunction().isPresent()) {
      for (Sized other : sized.values()) {
        if (other.function.physicalFunction().equals(function.physicalFunction())) {
          bars = Bars.ofSibling(pci, function, other.function, other.bars);
          break;
        }
      }
    }
    if (bars == null) {
      bars = Bars.size(pci, function);
    }
    sized.put(function.rid(), new Sized(function, bars));
    return bars;
  }

  /** Ends what {@link #size} began: the function is no longer attached. */
  synchronized void forget(Rid rid) {
    sized.remove(rid);
  }
}
