package dev.vmm.tck;

import dev.vmm.pci.PciFunction;
import dev.vmm.pci.topology.PciTopology;
import java.util.List;

/** Which functions have a requester id of their own and may be given to a guest. */
final class Endpoints {
  private static final int BRIDGES = 0x06;

  private Endpoints() {}

  /** Returns the endpoints among all functions of a machine. */
  static List<PciFunction> of(List<PciFunction> functions) {
    PciTopology topology = PciTopology.of(functions);
    return functions.stream()
        .filter(function -> !function.isBridge() && function.classCode() >>> 16 != BRIDGES)
        .filter(function -> !function.isIommu())
        .filter(function -> alone(function, topology))
        .toList();
  }

  /** Returns the functions of which a bridge replaces the requester id. */
  static List<PciFunction> behindConventionalBridges(List<PciFunction> functions) {
    PciTopology topology = PciTopology.of(functions);
    return functions.stream()
        .filter(function -> !function.isBridge() && !alone(function, topology))
        .toList();
  }

  private static boolean alone(PciFunction function, PciTopology topology) {
    return topology.requesterIds(function.rid()).all().size() == 1;
  }
}
