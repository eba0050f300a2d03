package dev.vmm.core;

import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;

/**
 * The requester ids under which a function of the host, or what is behind it, may be seen.
 *
 * <p>Source: PCI Express to PCI/PCI-X Bridge 1.0, "Requester ID" (a bridge puts its secondary bus
 * number, device 0, function 0, on what it forwards from a conventional bus); PCI Express Base 6.0,
 * "PCI Express Capabilities Register".
 */
final class RequesterIds {
  private static final int SECONDARY_BUS = 0x19;
  private static final int EXPRESS_CAPABILITIES = 0x02;
  private static final int TYPE_EXPRESS_TO_PCI = 7;

  private RequesterIds() {}

  /** Returns the function's own id, and the alias that a bridge to a conventional bus gives. */
  static List<Rid> of(PciFunction function) {
    Rid rid = function.rid();
    if (!function.isBridge()) {
      return List.of(rid);
    }
    ConfigSpace config = function.config();
    Optional<Integer> express = config.capability(PciCapability.PCI_EXPRESS);
    int secondary = config.read8(SECONDARY_BUS);
    if (express.isEmpty() || secondary == 0) {
      return List.of(rid);
    }
    int type = (config.read16(express.get() + EXPRESS_CAPABILITIES) >>> 4) & 0xf;
    return type == TYPE_EXPRESS_TO_PCI
        ? List.of(rid, new Rid(rid.segment(), secondary, 0, 0))
        : List.of(rid);
  }
}
