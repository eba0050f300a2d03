package dev.vmm.machine.model.vtd;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The caches of inner second-stage entries. VT-d r4.1, "Caches for Paging Structures": tagged by
 * domain id; a walk begins at the lowest entry that covers its address.
 */
final class StructureCache {
  /**
   * An inner entry.
   *
   * @param did the domain id that tags it
   * @param level 2 for the entries that lead to leaf tables, up to 5
   * @param iova the first address that it covers
   * @param next the table that it leads to
   * @param read whether it and those above it let reads pass
   * @param write whether they let writes pass
   * @param sid the source whose walk found it
   */
  record Inner(int did, int level, long iova, TableRef next, boolean read, boolean write, int sid) {
    int bits() {
      return 12 + 9 * (level - 1);
    }
  }

  private record Key(int did, int level, long number) {}

  private final Tables tables;
  private final Map<Key, Inner> entries = new HashMap<>();

  StructureCache(Tables tables) {
    this.tables = tables;
  }

  int size() {
    return entries.size();
  }

  /** Returns the lowest entry below {@code levels + 1} that covers the address. */
  @Nullable Inner lowest(int did, long iova, int levels) {
    for (int level = 2; level <= levels; level++) {
      Inner found = entries.get(new Key(did, level, iova >>> (12 + 9 * (level - 1))));
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  void insert(Inner inner) {
    tables.retain(inner.next);
    Inner before = entries.put(key(inner), inner);
    if (before != null) {
      tables.release(before.next);
    }
  }

  List<Inner> clear() {
    return removeIf(inner -> true);
  }

  List<Inner> removeDomain(int did) {
    return removeIf(inner -> inner.did == did);
  }

  /** Takes away the domain's entries that cover any of {@code 2^bits} bytes at {@code base}. */
  List<Inner> removeRange(int did, long base, int bits) {
    return removeIf(
        inner -> {
          int wider = Math.max(inner.bits(), bits);
          return inner.did == did && (wider >= 64 || inner.iova >>> wider == base >>> wider);
        });
  }

  private List<Inner> removeIf(Predicate<Inner> which) {
    List<Inner> gone = new ArrayList<>();
    entries.values().stream().filter(which).forEach(gone::add);
    for (Inner inner : gone) {
      entries.remove(key(inner));
      tables.release(inner.next);
    }
    return gone;
  }

  private static Key key(Inner inner) {
    return new Key(inner.did, inner.level, inner.iova >>> inner.bits());
  }
}
