package dev.vmm.machine.model.vtd;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The cache of context entries, by source, and of the root entries on the way to them, by bus. VT-d
 * r4.1, "Context-Cache". Root entries leave it by a global invalidation only.
 */
final class ContextCache {
  /** A root entry. */
  record Root(long entryHpa, TableRef table) {}

  private record Held(ContextInfo info, @Nullable TableRef table, @Nullable TableRef pages) {}

  private final Tables tables;
  private final Map<Integer, Held> contexts = new HashMap<>();
  private final Map<Integer, Root> roots = new HashMap<>();

  ContextCache(Tables tables) {
    this.tables = tables;
  }

  int size() {
    return contexts.size();
  }

  @Nullable ContextInfo get(int sid) {
    Held held = contexts.get(sid);
    return held == null ? null : held.info;
  }

  @Nullable Root root(int bus) {
    return roots.get(bus);
  }

  void putRoot(int bus, Root root) {
    tables.retain(root.table);
    roots.put(bus, root);
  }

  void put(ContextInfo info) {
    boolean walks = info.reason() == null && info.tt() != 2;
    boolean good = info.reason() == null;
    Held before =
        contexts.put(
            info.sid(),
            new Held(
                info,
                good ? tables.take(info.entryHpa() & -0x1000L, TableRef.Kind.CONTEXT) : null,
                walks ? tables.take(info.ssptptr(), TableRef.Kind.PAGES) : null));
    if (before != null) {
      release(before);
    }
  }

  /** Returns the present entry of another source that has the domain id but other tables. */
  @Nullable ContextInfo conflicting(ContextInfo info) {
    for (Held held : contexts.values()) {
      ContextInfo other = held.info;
      if (other.sid() != info.sid() && other.reason() == null && other.did() == info.did()) {
        boolean same =
            (other.tt() == 2) == (info.tt() == 2)
                && (info.tt() == 2
                    || (other.ssptptr() == info.ssptptr() && other.levels() == info.levels()));
        if (!same) {
          return other;
        }
      }
    }
    return null;
  }

  /** Says whether the present entry at this address is cached. */
  boolean has(long entryHpa) {
    return contexts.values().stream()
            .anyMatch(held -> held.info.reason() == null && held.info.entryHpa() == entryHpa)
        || roots.values().stream().anyMatch(root -> root.entryHpa == entryHpa);
  }

  /** Returns a source whose entry has this domain id, -1 if there is none. */
  int anyOf(int did) {
    return contexts.values().stream()
        .filter(held -> held.info.reason() == null && held.info.did() == did)
        .mapToInt(held -> held.info.sid())
        .findFirst()
        .orElse(-1);
  }

  List<Integer> clear() {
    roots.values().forEach(root -> tables.release(root.table));
    roots.clear();
    return removeIf(info -> true);
  }

  List<Integer> removeIf(Predicate<ContextInfo> which) {
    List<Integer> gone = new ArrayList<>();
    contexts.values().stream()
        .filter(held -> which.test(held.info))
        .forEach(held -> gone.add(held.info.sid()));
    for (int sid : gone) {
      Held held = contexts.remove(sid);
      if (held != null) {
        release(held);
      }
    }
    return gone;
  }

  private void release(Held held) {
    tables.release(held.table);
    tables.release(held.pages);
  }
}
