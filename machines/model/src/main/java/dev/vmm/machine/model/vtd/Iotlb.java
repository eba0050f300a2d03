package dev.vmm.machine.model.vtd;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The cache of translations. VT-d r4.1, "IOTLB". Each is found by its source, without a look at the
 * context entry, and by its domain id, so that what one device fetched serves the others of the
 * domain; invalidations go by domain id.
 */
final class Iotlb {
  private final Tables tables;
  private final int capacity;
  private final Map<Integer, Bucket> bySource = new HashMap<>();
  private final Map<Integer, Bucket> byDomain = new HashMap<>();
  private final ArrayDeque<Translation> order = new ArrayDeque<>();

  Iotlb(Tables tables, int capacity) {
    this.tables = tables;
    this.capacity = capacity;
  }

  @Nullable Translation ofSource(int sid, long iova) {
    Bucket bucket = bySource.get(sid);
    return bucket == null ? null : bucket.find(iova);
  }

  @Nullable Translation ofDomain(int did, long iova) {
    Bucket bucket = byDomain.get(did);
    return bucket == null ? null : bucket.find(iova);
  }

  void insert(Translation translation) {
    bySource.computeIfAbsent(translation.sid(), sid -> new Bucket(tables)).put(translation);
    byDomain.computeIfAbsent(translation.did(), did -> new Bucket(tables)).put(translation);
    if (capacity > 0) {
      order.add(translation);
      while (order.size() > capacity) {
        evict(order.remove());
      }
    }
  }

  private void evict(Translation oldest) {
    Predicate<Translation> pieces =
        t ->
            t.sid() == oldest.sid()
                && t.did() == oldest.did()
                && t.iova() >= oldest.iova()
                && t.last() <= oldest.last();
    Bucket source = bySource.get(oldest.sid());
    if (source != null) {
      source.removeIf(pieces);
    }
    Bucket domain = byDomain.get(oldest.did());
    if (domain != null) {
      domain.removeIf(pieces);
    }
  }

  /** Returns how many translations are cached, each counted once for each source. */
  int size() {
    return bySource.values().stream().mapToInt(Bucket::size).sum();
  }

  List<Translation> clear() {
    return sweep(Bucket::removeIf, t -> true);
  }

  List<Translation> removeDomain(int did) {
    return sweep(Bucket::removeIf, t -> t.did() == did);
  }

  List<Translation> removeRange(int did, long base, int bits) {
    Set<Translation> gone = new LinkedHashSet<>();
    for (Bucket bucket : buckets()) {
      gone.addAll(bucket.removeRange(did, base, bits));
    }
    return List.copyOf(gone);
  }

  /** Returns a translation that leads somewhere into these bytes, other than to itself. */
  @Nullable Translation leadingTo(long first, long last) {
    for (Bucket bucket : buckets()) {
      List<Translation> found =
          bucket.select(
              t ->
                  t.reason() == null
                      && !t.identity()
                      && (t.read() || t.write())
                      && t.hpa() <= last
                      && t.hpa() + (1L << t.bits()) - 1 >= first);
      if (!found.isEmpty()) {
        return found.get(0);
      }
    }
    return null;
  }

  private interface Sweep {
    List<Translation> of(Bucket bucket, Predicate<Translation> which);
  }

  private List<Translation> sweep(Sweep sweep, Predicate<Translation> which) {
    Set<Translation> gone = new LinkedHashSet<>();
    for (Bucket bucket : buckets()) {
      gone.addAll(sweep.of(bucket, which));
    }
    return List.copyOf(gone);
  }

  private Collection<Bucket> buckets() {
    List<Bucket> all = new ArrayList<>(bySource.values());
    all.addAll(byDomain.values());
    return all;
  }
}
