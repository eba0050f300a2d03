package dev.vmm.machine.model.vtd;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The translations under one tag, by size and address. */
final class Bucket {
  private final TreeMap<Integer, Map<Long, Translation>> bySize = new TreeMap<>();
  private final Tables tables;

  Bucket(Tables tables) {
    this.tables = tables;
  }

  int size() {
    return bySize.values().stream().mapToInt(Map::size).sum();
  }

  @Nullable Translation find(long iova) {
    for (Map.Entry<Integer, Map<Long, Translation>> size : bySize.entrySet()) {
      Translation found = size.getValue().get(iova >>> size.getKey());
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  void put(Translation translation) {
    tables.retain(translation.source());
    Translation before =
        bySize
            .computeIfAbsent(translation.bits(), bits -> new HashMap<>())
            .put(translation.iova() >>> translation.bits(), translation);
    if (before != null) {
      tables.release(before.source());
    }
  }

  void remove(Translation translation) {
    Map<Long, Translation> map = bySize.get(translation.bits());
    if (map != null && map.remove(translation.iova() >>> translation.bits(), translation)) {
      tables.release(translation.source());
      if (map.isEmpty()) {
        bySize.remove(translation.bits());
      }
    }
  }

  /** Returns what satisfies {@code which}. */
  List<Translation> select(Predicate<Translation> which) {
    List<Translation> found = new ArrayList<>();
    bySize.values().forEach(map -> map.values().stream().filter(which).forEach(found::add));
    return found;
  }

  /** Takes away what satisfies {@code which}. */
  List<Translation> removeIf(Predicate<Translation> which) {
    List<Translation> gone = select(which);
    gone.forEach(this::remove);
    return gone;
  }

  /**
   * Takes away the translations of domain {@code did} for {@code 2^bits} bytes at {@code base}; of
   * a larger page the rest stays, in pieces, as in hardware that caches a page as several.
   */
  List<Translation> removeRange(int did, long base, int bits) {
    List<Translation> gone = new ArrayList<>();
    for (Iterator<Map.Entry<Integer, Map<Long, Translation>>> it = bySize.entrySet().iterator();
        it.hasNext(); ) {
      Map.Entry<Integer, Map<Long, Translation>> size = it.next();
      collect(size.getKey(), size.getValue(), did, base, bits, gone);
    }
    for (Translation translation : List.copyOf(gone)) {
      remove(translation);
      for (int half = translation.bits() - 1; half >= bits; half--) {
        put(translation.part(((base >>> half) ^ 1) << half, half));
      }
    }
    return gone;
  }

  private static void collect(
      int size, Map<Long, Translation> map, int did, long base, int bits, List<Translation> gone) {
    if (size >= bits) {
      Translation found = map.get(base >>> size);
      if (found != null && found.did() == did) {
        gone.add(found);
      }
      return;
    }
    int shift = bits - size;
    for (Map.Entry<Long, Translation> entry : map.entrySet()) {
      boolean inside = shift >= 64 || entry.getKey() >>> shift == base >>> bits;
      if (inside && entry.getValue().did() == did) {
        gone.add(entry.getValue());
      }
    }
  }
}
