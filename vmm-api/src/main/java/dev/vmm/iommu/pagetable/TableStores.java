package dev.vmm.iommu.pagetable;

import dev.vmm.machine.PhysicalMemory;
import org.jspecify.annotations.Nullable;

/**
 * The stores of one page table: every change of memory, with its order and its cache flushes, and
 * of the {@link TableNode} that stands for it. Knows the pages that it holds.
 *
 * <p>Not thread-safe: guarded by the lock of its {@link RadixPageTable}.
 */
final class TableStores {
  private static final long PAGE = PhysicalMemory.PAGE_BYTES;

  private final PageTableFormat format;
  private final PhysicalMemory memory;
  private final boolean coherent;
  private long pages;

  TableStores(PageTableFormat format, PhysicalMemory memory, boolean coherent) {
    this.format = format;
    this.memory = memory;
    this.coherent = coherent;
  }

  /** Returns the pages that were allocated and not freed. */
  long pages() {
    return pages;
  }

  /** Makes an empty table that nothing leads to. */
  TableNode newTable(int level) {
    TableNode table = new TableNode(memory.allocatePage(), level);
    pages++;
    return table;
  }

  /** Makes all of a table, of which nothing is flushed yet, visible to a unit. */
  void flushTable(TableNode table) {
    if (!coherent) {
      memory.flushCache(table.hpa, PAGE);
    }
  }

  /**
   * Writes leaves into the empty entries {@code [from, to]}.
   *
   * @param first the first leaf
   * @param step what the next one is greater by
   * @param reachable whether a unit may be walking the table
   */
  void addLeaves(TableNode table, int from, int to, long first, long step, boolean reachable) {
    if (from == to) {
      memory.write64(entry(table, from), first);
    } else {
      memory.fill64(entry(table, from), to - from + 1, first, step);
    }
    table.addLeaves(from, to);
    flushEntries(table, from, to, reachable);
  }

  /**
   * Makes an entry lead to a table that is filled already, in the place of nothing or of a leaf:
   * one store, after those that filled the table.
   */
  void link(TableNode parent, int index, TableNode child, boolean reachable) {
    flushTable(child);
    memory.writeRelease64(entry(parent, index), format.link(child.hpa, parent.level));
    parent.addChild(index, child);
    flushEntries(parent, index, index, reachable);
  }

  /** Puts a leaf in the place of the link to a table; the table stays as it is. */
  void replaceByLeaf(TableNode parent, int index, long leaf) {
    memory.writeRelease64(entry(parent, index), leaf);
    parent.removeChild(index);
    parent.addLeaves(index, index);
    flushEntries(parent, index, index, true);
  }

  /**
   * Clears the entries {@code [from, to]} and puts the tables that they led to in front of {@code
   * cut}.
   *
   * @return the tables that were cut off, as a list by {@link TableNode#next}
   */
  @Nullable TableNode clear(TableNode table, int from, int to, @Nullable TableNode cut) {
    if (from == to) {
      memory.write64(entry(table, from), 0);
    } else {
      memory.fill64(entry(table, from), to - from + 1, 0, 0);
    }
    flushEntries(table, from, to, true);
    table.removeLeaves(from, to);
    TableNode list = cut;
    for (int i = from; i <= to && table.hasChildren(); i++) {
      TableNode child = table.child(i);
      if (child != null) {
        table.removeChild(i);
        child.next = list;
        list = child;
      }
    }
    return list;
  }

  /** Frees a table and all that it leads to. No unit can be using them. */
  void freeTree(TableNode table) {
    for (int i = 0; i < TableNode.ENTRIES && table.hasChildren(); i++) {
      TableNode child = table.child(i);
      if (child != null) {
        table.removeChild(i);
        freeTree(child);
      }
    }
    memory.free(table.hpa, PAGE);
    pages--;
  }

  /** Frees every tree of a list. */
  void freeList(@Nullable TableNode list) {
    for (TableNode table = list; table != null; table = table.next) {
      freeTree(table);
    }
  }

  long read(TableNode table, int index) {
    return memory.read64(entry(table, index));
  }

  private void flushEntries(TableNode table, int from, int to, boolean reachable) {
    // A table that nothing leads to is flushed as a whole when it is linked.
    if (!coherent && reachable) {
      memory.flushCache(entry(table, from), 8L * (to - from + 1));
    }
  }

  private static long entry(TableNode table, int index) {
    return table.hpa + 8L * index;
  }
}
