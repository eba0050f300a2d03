package dev.vmm.iommu.amd.unit;

import dev.vmm.pci.Rid;
import java.util.Map;

/**
 * Under which id the unit sees the messages of another: firmware says so of some functions. Both
 * ids' entries lead to one interrupt table. Which ids move together is not the unit's to say.
 *
 * <p>Immutable. Source: 48882 rev 3, "IVHD Device Entries" (alias select, alias start of range).
 */
public final class Aliases {
  private final int segment;
  private final Map<Integer, Integer> aliasOf;

  /**
   * Aliases of one segment.
   *
   * @param aliasOf the alias of each id that has one which is not itself
   */
  public Aliases(int segment, Map<Integer, Integer> aliasOf) {
    this.segment = segment;
    this.aliasOf = Map.copyOf(aliasOf);
  }

  /** Returns the id that the unit sees the messages of this one under. */
  int aliasOf(int id) {
    return aliasOf.getOrDefault(id, id);
  }

  /** Returns an id as a requester id. */
  Rid rid(int id) {
    return Rid.of(segment, id);
  }
}
