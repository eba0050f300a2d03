package dev.vmm.machine.model.vtd;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.memory.StoreWatcher;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The pages that the unit knows to hold tables, watched for stores that could tear an entry, and
 * for being freed too early. A page that nothing leads to any more is forgotten.
 */
final class Tables {
  private static final long PAGE = 0x1000;
  private static final long P = 1;

  /** What the unit has cached of an entry. */
  interface Cached {
    /** Says whether the present entry at this address is cached. */
    boolean has(long entryHpa);
  }

  private record Key(long hpa, TableRef.Kind kind) {}

  private final Chip chip;
  private final Map<Key, TableRef> known = new HashMap<>();
  private final Map<Integer, TableRef> reachable = new HashMap<>();
  private final StoreWatcher watcher = this::stored;
  private final Cached cached;
  private @Nullable TableRef root;
  private boolean live;
  private boolean interruptsLive;

  Tables(Chip chip, Cached cached) {
    this.chip = chip;
    this.cached = cached;
  }

  /** Says whether the unit translates: only then does misuse of tables matter. */
  void live(boolean now) {
    live = now;
  }

  /** Says whether the unit remaps interrupts: only then does misuse of their table matter. */
  void interruptsLive(boolean now) {
    interruptsLive = now;
  }

  private boolean live(TableRef ref) {
    return ref.kind == TableRef.Kind.INTERRUPTS ? interruptsLive : live;
  }

  /** Has a page known to hold a table, once more. */
  TableRef take(long hpa, TableRef.Kind kind) {
    TableRef ref =
        known.computeIfAbsent(
            key(hpa, kind),
            key -> {
              watch(hpa, true);
              return new TableRef(hpa, kind);
            });
    ref.count++;
    return ref;
  }

  /** Has one user more. */
  @Nullable TableRef retain(@Nullable TableRef ref) {
    if (ref != null) {
      ref.count++;
    }
    return ref;
  }

  /** Has one user less. */
  void release(@Nullable TableRef ref) {
    if (ref != null && --ref.count == 0 && known.remove(key(ref.hpa, ref.kind), ref)) {
      unwatch(ref.hpa);
    }
  }

  /** The unit has a new root table. */
  void rootLatched(long hpa) {
    forgetRoot();
    root = take(hpa, TableRef.Kind.ROOT);
    root.latched = true;
    if (chip.memory().isRam(hpa, PAGE)) {
      for (int bus = 0; bus < 256; bus++) {
        reach(bus, chip.memory().deviceRead64(hpa + bus * 16L));
      }
    }
  }

  /** The unit has no root table any more. */
  void forgetRoot() {
    if (root != null) {
      root.latched = false;
      release(root);
      root = null;
    }
    reachable.values().forEach(this::release);
    reachable.clear();
  }

  /** Returns how many pages are known. */
  int size() {
    return known.size();
  }

  /** Says whether a page is known to hold a table. */
  boolean knows(long hpa) {
    return !at(hpa).isEmpty();
  }

  /** Memory was freed. */
  void freed(AddressRange run) {
    List<TableRef> gone = new ArrayList<>();
    known.values().stream().filter(ref -> run.contains(ref.hpa)).forEach(gone::add);
    for (TableRef ref : gone) {
      // A pointer that was taken over stays so with translation off, for whoever turns it on next.
      if (live(ref) || ref.latched) {
        chip.violation(
            VtdRule.TABLE_FREED,
            "the page at 0x%x was freed, and the unit still knows it as a table of kind %s (%d references)",
            ref.hpa,
            ref.kind,
            ref.count);
      }
      known.remove(key(ref.hpa, ref.kind));
      unwatch(ref.hpa);
    }
  }

  private void reach(int bus, long low) {
    release(reachable.remove(bus));
    if ((low & P) != 0) {
      reachable.put(bus, take(low & -PAGE, TableRef.Kind.CONTEXT));
    }
  }

  private void stored(long hpa, long before, long after, int widthBytes) {
    if (before != after) {
      chip.gate().run(() -> changed(hpa, before, after, widthBytes));
    }
  }

  private void changed(long hpa, long before, long after, int widthBytes) {
    List<TableRef> refs = at(hpa & -PAGE);
    for (TableRef ref : refs) {
      if (live(ref)) {
        if (widthBytes != 8) {
          chip.violation(
              VtdRule.PARTIAL_STORE,
              "0x%x, in a table of kind %s, went from 0x%x to 0x%x by %s",
              hpa,
              ref.kind,
              before,
              after,
              widthBytes == 0 ? "a bulk copy" : "a store of " + widthBytes * 8 + " bits");
        }
        if (ref.kind != TableRef.Kind.PAGES) {
          checkEntry(ref, hpa, before, after);
        }
      }
      if (ref == root && (hpa & 8) == 0) {
        reach((int) (hpa & (PAGE - 1)) >>> 4, after);
      }
    }
  }

  private void checkEntry(TableRef ref, long hpa, long before, long after) {
    long entry = hpa & -16;
    boolean stillCached = cached.has(entry);
    if ((hpa & 8) != 0) {
      boolean present = (chip.memory().deviceRead64(entry) & P) != 0;
      if (present || stillCached) {
        chip.violation(
            VtdRule.TORN_ENTRY,
            "bits 127:64 of the entry at 0x%x (%s) went from 0x%x to 0x%x while it is %s",
            entry,
            ref.kind,
            before,
            after,
            present ? "present" : "cached");
      }
    } else if (stillCached && (before & P) == 0 && (after & P) != 0) {
      chip.violation(
          VtdRule.ENTRY_REUSED_BEFORE_INVALIDATION,
          "the entry at 0x%x (%s) became 0x%x while an older one is cached",
          entry,
          ref.kind,
          after);
    }
  }

  private List<TableRef> at(long page) {
    List<TableRef> refs = new ArrayList<>(4);
    for (TableRef.Kind kind : TableRef.Kind.values()) {
      TableRef ref = known.get(key(page, kind));
      if (ref != null) {
        refs.add(ref);
      }
    }
    return refs;
  }

  private void watch(long hpa, boolean on) {
    ModelMemory memory = chip.memory();
    if (memory.isRam(hpa, PAGE)) {
      if (on) {
        memory.watchStores(hpa, watcher);
      } else {
        memory.unwatchStores(hpa, watcher);
      }
    }
  }

  private void unwatch(long hpa) {
    if (at(hpa).isEmpty()) {
      watch(hpa, false);
    }
  }

  private static Key key(long hpa, TableRef.Kind kind) {
    return new Key(hpa, kind);
  }
}
