package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.PcieCapability;
import dev.vmm.pci.Rid;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Refuses a function whose DMA does not carry its own requester id: a bridge to or from a
 * conventional bus puts an id of its own in the place of those behind it. Such a function would go
 * on reaching what that id reaches, whichever domain its own id is in, and all functions behind the
 * bridge look alike to the I/O MMU.
 *
 * <p>Source: PCI Express to PCI/PCI-X Bridge 1.0, "Requester ID"; PCI Express Base 6.0, "PCI
 * Express Capabilities Register".
 */
final class SharedRequesterId {
  private static final int ROOT_PORT = 4;
  private static final int UPSTREAM_PORT = 5;
  private static final int DOWNSTREAM_PORT = 6;

  private SharedRequesterId() {}

  /**
   * Looks at every bridge above {@code function}.
   *
   * @param all the functions of the machine
   * @throws VmmException EPERM, naming the bridge
   */
  static void refuse(PciFunction function, List<PciFunction> all) {
    Set<Rid> seen = new HashSet<>();
    Optional<Rid> above = function.bridge();
    while (above.isPresent() && seen.add(above.get())) {
      Rid rid = above.get();
      PciFunction bridge =
          all.stream().filter(other -> other.rid().equals(rid)).findFirst().orElse(null);
      if (bridge == null || !keepsRequesterIds(bridge)) {
        throw new VmmException(
            Errno.EPERM,
            "cannot attach "
                + function
                + ": the bridge above it, "
                + (bridge == null ? rid : bridge)
                + ", puts a requester id of its own in the place of the function's, so that its DMA"
                + " cannot be told from that of others behind the bridge; use a function that only"
                + " PCI Express ports are above");
      }
      above = bridge.bridge();
    }
  }

  private static boolean keepsRequesterIds(PciFunction bridge) {
    Optional<Integer> express = bridge.config().capability(PciCapability.PCI_EXPRESS);
    if (express.isEmpty()) {
      return false;
    }
    int type = (bridge.config().read16(express.get() + PcieCapability.CAPABILITIES) >>> 4) & 0xf;
    return type == ROOT_PORT || type == UPSTREAM_PORT || type == DOWNSTREAM_PORT;
  }
}
