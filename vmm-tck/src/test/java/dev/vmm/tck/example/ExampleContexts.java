package dev.vmm.tck.example;

import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The root table and a context table for each bus in use: who is in which domain. Sections "Root
 * Entry" and "Context Entry"; both entries have 16 bytes.
 *
 * <p>Not thread-safe: used under the lock of its {@link ExampleIommu}.
 */
final class ExampleContexts {
  private static final int ENTRY_BYTES = 16;
  private static final long P = 1;

  private final PhysicalMemory memory;
  private final ExampleUnit unit;
  private final long root;
  private final Map<Integer, Long> tables = new TreeMap<>();

  /** Pages that the unit may still read, though no change was made by them. */
  private final List<Long> kept = new ArrayList<>();

  ExampleContexts(PhysicalMemory memory, ExampleUnit unit) {
    this.memory = memory;
    this.unit = unit;
    root = memory.allocatePage();
    flush(root, PhysicalMemory.PAGE_BYTES);
  }

  long rootHpa() {
    return root;
  }

  /**
   * Moves requester ids into a domain. A context entry has two words, and a live one must never be
   * seen with one of them old and one new: so each bus gets a changed copy of its table, and one
   * store of a root entry's word replaces the table by the copy.
   */
  void move(Collection<Rid> rids, ExampleDomain domain) {
    Map<Integer, Long> copies = new TreeMap<>();
    Map<Integer, Long> old = new TreeMap<>();
    try {
      for (Rid rid : rids) {
        long copy = copies.computeIfAbsent(rid.bus(), this::copy);
        old.put(rid.bus(), tables.getOrDefault(rid.bus(), 0L));
        // Low word: SSPTPTR, TT 0 (untranslated requests), P. High word: DID in 23:8, AW in 2:0.
        long entry = copy + (long) ENTRY_BYTES * rid.devfn();
        memory.write64(entry, domain.table.rootHpa() | P);
        memory.write64(entry + 8, (long) domain.id << 8 | (domain.table.levels() - 2));
      }
      copies.values().forEach(copy -> flush(copy, PhysicalMemory.PAGE_BYTES));
    } catch (RuntimeException e) {
      copies.values().forEach(this::free); // No unit knows them.
      throw e;
    }
    try {
      publish(copies);
      unit.invalidateAll();
    } catch (RuntimeException e) {
      unit.distrust(e);
      kept.addAll(copies.values());
      undo(old, e);
      throw e;
    }
    old.values().forEach(this::free);
  }

  private long copy(int bus) {
    long copy = memory.allocatePage();
    long table = tables.getOrDefault(bus, 0L);
    for (int at = 0; table != 0 && at < PhysicalMemory.PAGE_BYTES; at += 8) {
      memory.write64(copy + at, memory.read64(table + at));
    }
    return copy;
  }

  private void publish(Map<Integer, Long> byBus) {
    byBus.forEach(
        (bus, table) -> {
          long entry = root + (long) ENTRY_BYTES * bus;
          memory.writeRelease64(entry, table == 0 ? 0 : table | P);
          flush(entry, ENTRY_BYTES);
          tables.put(bus, table);
        });
  }

  private void undo(Map<Integer, Long> old, RuntimeException cause) {
    try {
      publish(old);
    } catch (RuntimeException e) {
      cause.addSuppressed(e);
    }
  }

  /** Frees everything: no unit uses any of it. */
  void close() {
    tables.values().forEach(this::free);
    kept.forEach(this::free);
    free(root);
  }

  private void free(long page) {
    if (page != 0) {
      memory.free(page, PhysicalMemory.PAGE_BYTES);
    }
  }

  private void flush(long hpa, long lengthBytes) {
    if (!unit.caps.coherent()) {
      memory.flushCache(hpa, lengthBytes);
    }
  }
}
