package dev.vmm.iommu.intel.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.intel.structs.ContextEntryHigh;
import dev.vmm.iommu.intel.structs.ContextEntryLow;
import dev.vmm.iommu.intel.structs.RootEntryLow;
import dev.vmm.iommu.support.AllTried;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;

/**
 * The root table of a unit and one context table for each bus in use.
 *
 * <p>A context entry has 128 bits, of which one store changes half: an entry changed in place would
 * for a moment join the old table with the new domain id, or be absent. So a change goes into a
 * copy of the bus's context table, and one 64-bit store of the root entry puts the copy in the old
 * one's place: the unit sees every function of that bus either before or after the change. The old
 * table is freed after the unit has forgotten it.
 *
 * <p>A device must be taken from a VM even when there is no memory. So there is always a spare page
 * for the copy, and the table that such a copy replaces is the next spare page; and a change of
 * tables of several buses is made only when there are as many, so that it can be taken back.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: VT-d r4.1, "Root Entry" and "Context Entry".
 */
final class ContextTables {
  private static final int ENTRY_BYTES = 16;
  private static final int WORDS = 512;
  private static final int BUSES = 256;

  private final PhysicalMemory memory;
  private final boolean coherent;
  private final long root;

  /** Pages that no unit knows. */
  private final Deque<Long> spare = new ArrayDeque<>();

  /** How many tables the greatest change has replaced, which is what taking it back takes. */
  private int wayBack = 1;

  /** Takes the page of an empty root table, and a spare one. */
  ContextTables(PhysicalMemory memory, boolean coherent) {
    this.memory = memory;
    this.coherent = coherent;
    this.root = memory.allocatePage();
    try {
      restock();
    } catch (RuntimeException e) {
      memory.free(root, PhysicalMemory.PAGE_BYTES);
      throw e;
    }
    flush(root, PhysicalMemory.PAGE_BYTES);
  }

  /** Replaces the spare pages that a unit kept which did not confirm a change. */
  void restock() {
    keepSpare(wayBack);
  }

  private void keepSpare(int pages) {
    while (spare.size() < pages) {
      spare.push(memory.allocatePage());
    }
  }

  /** Returns the hpa of the root table. */
  long root() {
    return root;
  }

  /** Says whether the entry of a source id is present. */
  boolean present(int sourceId) {
    long table = contextTable(sourceId >>> 8);
    return table != 0 && ContextEntryLow.P.isSet(memory.read64(entry(table, sourceId)));
  }

  /** Returns the domain id of a present entry. */
  int domainId(int sourceId) {
    long table = contextTable(sourceId >>> 8);
    return new ContextEntryHigh(memory.read64(entry(table, sourceId) + 8)).did();
  }

  /** Begins a change; nothing is visible before {@link Change#publish}. */
  Change change() {
    return new Change();
  }

  /** Frees all tables; the unit uses none any more. */
  void free() {
    AllTried freed = new AllTried();
    for (int bus = 0; bus < BUSES; bus++) {
      int each = bus;
      freed.run(() -> free(contextTable(each)));
    }
    while (!spare.isEmpty()) {
      long page = spare.pop();
      freed.run(() -> free(page));
    }
    freed.run(() -> free(root));
    freed.throwFirst();
  }

  private void free(long page) {
    if (page != 0) {
      memory.free(page, PhysicalMemory.PAGE_BYTES);
    }
  }

  private long contextTable(int bus) {
    RootEntryLow low = new RootEntryLow(memory.read64(root + (long) bus * ENTRY_BYTES));
    return low.p() ? low.contextTable() : 0;
  }

  private static long entry(long table, int sourceId) {
    return table + (long) (sourceId & 0xff) * ENTRY_BYTES;
  }

  private void flush(long hpa, long lengthBytes) {
    if (!coherent) {
      memory.flushCache(hpa, lengthBytes);
    }
  }

  /** New context tables for some buses, and what they replace. */
  final class Change {
    private final TreeMap<Integer, Long> fresh = new TreeMap<>();
    private final TreeMap<Integer, Long> old = new TreeMap<>();

    /** How many of the fresh tables are spare pages; each is one for a table that was there. */
    private int borrowed;

    /**
     * Sets an entry in the copies.
     *
     * @throws VmmException ENOMEM; {@link #discard} then
     */
    void set(int sourceId, long low, long high) {
      int bus = sourceId >>> 8;
      Long table = fresh.get(bus);
      if (table == null) {
        table = copy(bus);
      }
      memory.write64(entry(table, sourceId) + 8, high);
      memory.write64(entry(table, sourceId), low);
    }

    private long copy(int bus) {
      long before = contextTable(bus);
      long table = page(before != 0);
      fresh.put(bus, table);
      old.put(bus, before);
      if (before != 0) {
        long[] words = new long[WORDS];
        memory.read64(before, words, WORDS);
        for (int i = 0; i < WORDS; i++) {
          memory.write64(table + 8L * i, words[i]);
        }
      }
      return table;
    }

    private long page(boolean replacing) {
      try {
        return memory.allocatePage();
      } catch (VmmException e) {
        // A table that is new gives none back, and the spare page would be gone.
        if (e.errno() != Errno.ENOMEM || !replacing || spare.isEmpty()) {
          throw e;
        }
        borrowed++;
        return spare.pop();
      }
    }

    /**
     * Makes sure that the way back needs no memory.
     *
     * @throws VmmException ENOMEM; {@link #discard} then
     */
    void ready() {
      int replaced = (int) old.values().stream().filter(table -> table != 0).count();
      wayBack = Math.max(wayBack, replaced);
      keepSpare(wayBack - borrowed);
    }

    /** Says whether a table that the unit may know is replaced. */
    boolean replaces() {
      return old.values().stream().anyMatch(table -> table != 0);
    }

    /** Makes the new tables visible, bus by bus. */
    void publish() {
      fresh.values().forEach(table -> flush(table, PhysicalMemory.PAGE_BYTES));
      fresh.forEach(this::link);
    }

    /** Makes the old tables visible again. */
    void revert() {
      old.forEach(this::link);
    }

    /** Frees the old tables, which the unit has forgotten. */
    void freeOld() {
      freeAll(old);
    }

    /** Frees the new tables, which the unit has never seen or has forgotten. */
    void discard() {
      freeAll(fresh);
    }

    private void freeAll(Map<Integer, Long> tables) {
      AllTried freed = new AllTried();
      freed.each(tables.values(), this::freeTable);
      freed.throwFirst();
    }

    private void link(int bus, long table) {
      long at = root + (long) bus * ENTRY_BYTES;
      memory.writeRelease64(at, table == 0 ? 0 : RootEntryLow.of(table));
      flush(at, ENTRY_BYTES);
    }

    private void freeTable(long table) {
      if (table != 0 && borrowed > 0) {
        borrowed--;
        spare.push(table);
      } else {
        free(table);
      }
    }
  }
}
