package dev.vmm.iommu.amd.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.IntPredicate;

/**
 * Which device ids of a unit go together: firmware says of some functions that the unit sees their
 * DMA under another id, the alias. The alias's entry goes wherever the function goes; functions
 * that share one can only be in one domain.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: 48882 rev 3, "IVHD Device Entries" (alias
 * select, alias start of range).
 */
public final class Aliases {
  private final int segment;
  private final Map<Integer, Integer> aliasOf;
  private final IntPredicate bridge;

  /** All ids that use an alias, by alias, and the alias itself. */
  private final Map<Integer, TreeSet<Integer>> sharing = new HashMap<>();

  /** The ids that were moved for their own sake. */
  private final BitSet moved = new BitSet();

  /**
   * Collects the groups.
   *
   * @param aliasOf the alias of each id that has one which is not itself
   * @param bridge says of an id whether it is a bridge's, which has no DMA of its own to be kept
   *     apart
   */
  public Aliases(int segment, Map<Integer, Integer> aliasOf, IntPredicate bridge) {
    this.segment = segment;
    this.aliasOf = Map.copyOf(aliasOf);
    this.bridge = bridge;
    aliasOf.forEach(
        (id, alias) -> {
          TreeSet<Integer> group = sharing.computeIfAbsent(alias, key -> new TreeSet<>());
          group.add(id);
          group.add(alias);
        });
  }

  /** Returns the id that the unit sees the DMA and the messages of this one under. */
  int aliasOf(int id) {
    return aliasOf.getOrDefault(id, id);
  }

  /** Returns an id as a requester id. */
  Rid rid(int id) {
    return Rid.of(segment, id);
  }

  /**
   * Returns the ids with their aliases.
   *
   * @param placed says of an id whether it is in a domain that is not the target
   * @throws VmmException EPERM if an id shares its alias with one that would stay elsewhere
   */
  int[] together(int[] ids, IntPredicate placed) {
    TreeSet<Integer> all = new TreeSet<>();
    for (int id : ids) {
      all.add(id);
    }
    if (!sharing.isEmpty()) {
      List<Integer> asked = new ArrayList<>(all);
      for (int id : asked) {
        int alias = aliasOf(id);
        for (int other : sharing.getOrDefault(alias, new TreeSet<>())) {
          if (other != id
              && !asked.contains(other)
              && moved.get(other)
              && placed.test(other)
              && !bridge.test(other)) {
            throw refusal(id, other, alias);
          }
        }
        all.add(alias);
      }
    }
    for (int id : ids) {
      moved.set(id);
    }
    return all.stream().mapToInt(Integer::intValue).toArray();
  }

  private VmmException refusal(int id, int other, int alias) {
    return new VmmException(
        Errno.EPERM,
        "cannot move "
            + rid(id)
            + " without "
            + rid(other)
            + ": the IVRS table says that the DMA of both carries the requester id "
            + rid(alias)
            + ", expected them in one domain; move them together, or use a device that shares its requester id with"
            + " none");
  }
}
