package dev.vmm.machine.model.pci;

import dev.vmm.pci.Rid;
import org.jspecify.annotations.Nullable;

/**
 * Where a request goes before any unit sees it: to a peer, up to the root complex, or nowhere.
 *
 * @param requester the id that it carries at the root complex; null if it does not get there
 * @param peer the peer's BAR that takes it; null if none does
 */
public record Route(@Nullable Rid requester, @Nullable BarHit peer) {
  /** A request that nobody takes. */
  static final Route NOWHERE = new Route(null, null);
}
