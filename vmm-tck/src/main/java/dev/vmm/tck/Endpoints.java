package dev.vmm.tck;

import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import java.util.List;

/** Which functions have a requester id of their own and may be given to a guest. */
final class Endpoints {
  private static final int BRIDGES = 0x06;
  private static final int IOMMU = 0x0806;

  private Endpoints() {}

  /** Returns the endpoints among all functions of a machine. */
  static List<PciFunction> of(List<PciFunction> functions) {
    return functions.stream()
        .filter(function -> !function.isBridge() && function.classCode() >>> 16 != BRIDGES)
        .filter(function -> function.classCode() >>> 8 != IOMMU)
        .filter(function -> !behindConventionalBridge(function, functions))
        .toList();
  }

  /** Returns the functions of which a bridge replaces the requester id. */
  static List<PciFunction> behindConventionalBridges(List<PciFunction> functions) {
    return functions.stream()
        .filter(function -> !function.isBridge() && behindConventionalBridge(function, functions))
        .toList();
  }

  /** Says whether a bridge that is no PCI Express port is above the function. */
  private static boolean behindConventionalBridge(PciFunction function, List<PciFunction> all) {
    return function
        .bridge()
        .flatMap(rid -> all.stream().filter(f -> f.rid().equals(rid)).findFirst())
        .map(
            bridge -> {
              var express = bridge.config().capability(PciCapability.PCI_EXPRESS);
              int type = express.map(at -> bridge.config().read16(at + 2) >>> 4 & 0xf).orElse(0);
              boolean port = type >= 0x4 && type <= 0x6; // root, upstream, downstream
              return !port || behindConventionalBridge(bridge, all);
            })
        .orElse(false);
  }
}
