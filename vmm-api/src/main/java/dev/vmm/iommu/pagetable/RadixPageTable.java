package dev.vmm.iommu.pagetable;

import static dev.vmm.iommu.pagetable.PageTableFormat.entryBytes;
import static dev.vmm.iommu.pagetable.PageTableFormat.entryShift;
import static dev.vmm.iommu.pagetable.PageTableFormat.index;

import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.WalkStep;
import dev.vmm.iommu.pagetable.TableTree.Replacement;
import dev.vmm.machine.PhysicalMemory;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The page-table engine: a radix tree of 512-entry tables in a machine's memory, in whatever {@link
 * PageTableFormat} its units walk.
 *
 * <p>Every store is one aligned 64-bit store. A new table is filled before it is linked, a
 * superpage is split or merged by one store that changes no translation, and a table is freed only
 * after {@link TableInvalidator#unmapped} returned; where that fails the tables that were cut off
 * are kept for good.
 *
 * <p>Thread-safe: one lock for each table, held also while the invalidator works; the units are the
 * only readers beside it. Addresses and lengths are unsigned and in bytes.
 */
public final class RadixPageTable {
  private static final long PAGE = PhysicalMemory.PAGE_BYTES;

  private final Object lock = new Object();
  private final String name;
  private final PageTableFormat format;
  private final PhysicalMemory memory;
  private final TableInvalidator invalidator;
  private final TableStores stores;
  private final TableTree tree;
  private final TableNode root;
  private final int levels;
  private final long lastIova;
  private boolean closed;

  /**
   * Makes an empty table, of all iovas that its levels reach, and takes its root's page.
   *
   * @param levels the levels that the unit walks, 1 to {@link PageTableFormat#maxLevels}
   * @param coherent whether the units snoop the CPU's caches; if not, stores are flushed
   * @param invalidator told of every change of the table
   * @throws VmmException EINVAL if the format has no such tables; ENOMEM if no page is free
   */
  public RadixPageTable(
      PageTableFormat format,
      int levels,
      PhysicalMemory memory,
      boolean coherent,
      TableInvalidator invalidator) {
    this(format.name() + " page table", format, levels, -1L, memory, coherent, invalidator);
  }

  /**
   * Makes an empty table for units that do not take every iova that its levels reach, and takes its
   * root's page.
   *
   * @param name whose it is, for messages: {@code domain vm:guest1}
   * @param levels the levels that the unit walks, 1 to {@link PageTableFormat#maxLevels}
   * @param reach the highest iova that the units take, inclusive
   * @param coherent whether the units snoop the CPU's caches; if not, stores are flushed
   * @param invalidator told of every change of the table
   * @throws VmmException EINVAL if the format has no such tables; ENOMEM if no page is free
   */
  public RadixPageTable(
      String name,
      PageTableFormat format,
      int levels,
      long reach,
      PhysicalMemory memory,
      boolean coherent,
      TableInvalidator invalidator) {
    if (levels < 1 || levels > format.maxLevels()) {
      throw VmmException.invalid(
          "cannot make a %s page table of %d levels: expected 1 to %d levels",
          format.name(), levels, format.maxLevels());
    }
    this.name = name;
    this.format = format;
    this.memory = memory;
    this.invalidator = invalidator;
    this.levels = levels;
    int bits = entryShift(levels + 1);
    lastIova = min(reach, bits >= 64 ? -1L : (1L << bits) - 1);
    stores = new TableStores(format, memory, coherent);
    root = stores.newTable(levels);
    stores.flushTable(root);
    tree = new TableTree(format, stores, root);
  }

  /** Returns where the root table is. */
  public long rootHpa() {
    return root.hpa;
  }

  /** Returns the number of levels. */
  public int levels() {
    return levels;
  }

  /** Returns the highest iova that can be mapped, inclusive. */
  public long lastIova() {
    return lastIova;
  }

  /**
   * Returns the pages of 4096 bytes that this table holds: its tables, and those that were cut off
   * but kept because a unit did not confirm the flush.
   */
  public long tablePages() {
    synchronized (lock) {
      return stores.pages();
    }
  }

  /**
   * Maps {@code [iova, iova + lengthBytes)} to {@code [hpa, hpa + lengthBytes)} with the largest
   * pages that fit. All or nothing: after a failure nothing in the range is mapped that was not
   * before.
   *
   * @throws VmmException EINVAL if an argument is unaligned, empty, overflows or exceeds {@link
   *     #lastIova} or the format's host addresses, or if any page is mapped already; ENOMEM if no
   *     page for a table is free; what the invalidator throws
   */
  public void map(long iova, long hpa, long lengthBytes, Access access) {
    long last = checkedLast("map", iova, lengthBytes);
    checkHpa(iova, hpa, lengthBytes);
    synchronized (lock) {
      checkOpen();
      ArrayDeque<Replacement> merges = null;
      TableNode table = tree.leafTable(iova, last);
      if (table != null) {
        int from = index(iova, 1);
        int to = index(last, 1);
        int taken = table.nextLeaf(from);
        if (taken <= to) {
          throw overlap(iova, last, iova + (taken - from) * PAGE);
        }
        stores.addLeaves(table, from, to, format.leaf(hpa, 1, access), PAGE, true);
        if (table.isFullOfLeaves()) {
          merges = tree.merge(iova, null);
        }
      } else {
        mapTables(iova, last, hpa, access);
        merges = tree.merge(last, tree.merge(iova, null));
      }
      announce(iova, last, merges);
    }
  }

  private void mapTables(long iova, long last, long hpa, Access access) {
    long conflict = tree.firstMapped(iova, last);
    if (conflict != TableTree.NOTHING) {
      throw overlap(iova, last, conflict);
    }
    try {
      tree.fill(iova, last, hpa - iova, access);
    } catch (RuntimeException e) {
      undoMap(iova, last, null, e);
      throw e;
    }
  }

  /** Tells the units of a map, and frees the tables that superpages took the place of. */
  private void announce(long iova, long last, @Nullable ArrayDeque<Replacement> merges) {
    // What follows, a doorbell or a queue's tail, comes after the stores to tables already linked.
    VarHandle.releaseFence();
    try {
      if (merges == null) {
        invalidator.mapped(iova, last - iova + 1);
        return;
      }
      long first = iova;
      long end = last;
      for (Replacement merge : merges) {
        first = min(first, merge.base());
        end = max(end, merge.last());
      }
      invalidator.unmapped(first, end - first + 1, true);
    } catch (RuntimeException e) {
      undoMap(iova, last, merges, e);
      throw e;
    }
    for (Replacement merge : merges) {
      stores.freeTree(merge.child());
    }
  }

  /** Takes back what a failed map of a range that was empty before did. */
  private void undoMap(
      long iova, long last, @Nullable ArrayDeque<Replacement> merges, RuntimeException cause) {
    long first = iova;
    long end = last;
    if (merges != null) {
      for (Replacement merge : merges) {
        first = min(first, merge.base());
        end = max(end, merge.last());
      }
      tree.undoMerges(merges);
    } else if (tree.firstMapped(iova, last) == TableTree.NOTHING) {
      return; // Nothing was linked yet: no unit can have seen any of it.
    }
    tree.clear(iova, last);
    try {
      // A unit may hold entries of the tables that are cut off here, so links count as changed.
      flushAndFree(first, end, true);
    } catch (RuntimeException e) {
      cause.addSuppressed(e);
    }
  }

  /**
   * Unmaps exactly this range; holes in it are passed over. When this returns the invalidator has
   * confirmed that no unit uses the old entries. Unmapping nothing has no effect at all.
   *
   * @return whether anything was mapped there
   * @throws VmmException EINVAL as for {@link #map}; ENOMEM if a superpage must be split and no
   *     page for a table is free (nothing is changed then); what the invalidator throws: the
   *     entries are cleared then, and the tables that were cut off kept for good
   */
  public boolean unmap(long iova, long lengthBytes) {
    long last = checkedLast("unmap", iova, lengthBytes);
    synchronized (lock) {
      checkOpen();
      TableNode table = tree.leafTable(iova, last);
      if (table != null) {
        int from = index(iova, 1);
        int to = index(last, 1);
        int count = table.countLeaves(from, to);
        if (count == 0) {
          return false;
        }
        if (count < table.leafCount()) {
          tree.clearLeaves(table, from, to);
          flushAndFree(iova, last, false);
          return true;
        }
      } else if (tree.firstMapped(iova, last) == TableTree.NOTHING) {
        return false;
      }
      clearTables(iova, last);
      return true;
    }
  }

  private void clearTables(long iova, long last) {
    Replacement head = tree.prepareSplit(iova);
    Replacement tail = prepareTail(last + 1, head);
    long first = iova;
    long end = last;
    // A unit may hold the old leaf of a superpage for any iova of it. The split changes no
    // translation, but the rest of the superpage must not go on by an entry larger than its page:
    // the flush covers all of it.
    if (head != null) {
      first = head.base();
      end = max(end, head.last());
      tree.link(head);
    }
    if (tail != null) {
      first = min(first, tail.base());
      end = tail.last();
      tree.link(tail);
    }
    tree.clear(iova, last);
    flushAndFree(first, end, head != null || tail != null);
  }

  /** Prepares the split at the range's end; if that fails nothing is left of the one before. */
  private @Nullable Replacement prepareTail(long boundary, @Nullable Replacement head) {
    boolean prepared = false;
    try {
      Replacement tail = null;
      if (head != null && (boundary & -entryBytes(head.parent().level)) == head.base()) {
        tree.split(head, boundary);
      } else {
        tail = tree.prepareSplit(boundary);
      }
      prepared = true;
      return tail;
    } finally {
      if (!prepared && head != null) {
        stores.freeTree(head.child());
      }
    }
  }

  /** Frees what was cut off, but only if every unit confirmed that it holds nothing of it. */
  private void flushAndFree(long first, long last, boolean linksChanged) {
    VarHandle.releaseFence();
    TableNode cut = tree.takeCut();
    invalidator.unmapped(first, last - first + 1, linksChanged || cut != null);
    stores.freeList(cut);
  }

  /**
   * Returns where an access to {@code iova} goes by the words in memory; empty if nowhere. An entry
   * with reserved bits or outside RAM leads nowhere.
   */
  public Optional<Translation> translate(long iova) {
    if (Long.compareUnsigned(iova, lastIova) > 0) {
      return Optional.empty();
    }
    synchronized (lock) {
      checkOpen();
      long table = root.hpa;
      int level = levels;
      Access above = Access.READ_WRITE;
      while (level > 0 && PageTableWalker.isTable(memory, table)) {
        long entry = memory.read64(table + 8L * index(iova, level));
        if (!format.isPresent(entry) || (entry & format.reservedBits(entry, level)) != 0) {
          return Optional.empty();
        }
        if (format.isLeaf(entry, level)) {
          long bytes = format.leafBytes(entry, level);
          long hpa = format.leafAddress(entry, level) + (iova & (bytes - 1));
          Access access = format.leafAccess(entry).and(above);
          return Optional.ofNullable(access == null ? null : new Translation(hpa, bytes, access));
        }
        Access below = format.linkAccess(entry).and(above);
        int next = format.linkLevel(entry, level);
        if (below == null || (iova & (entryBytes(level) - 1)) >>> entryShift(next + 1) != 0) {
          return Optional.empty();
        }
        above = below;
        table = format.linkAddress(entry);
        level = next;
      }
      return Optional.empty();
    }
  }

  /**
   * Returns the entry at which an access ends, as {@link dev.vmm.iommu.Domain#whereItFails} says.
   * Without the lock, which is held as long as a unit takes to forget: it must not hold up who
   * tells faults.
   */
  public Optional<WalkStep> whereItFails(long iova, Access access) {
    return Long.compareUnsigned(iova, lastIova) > 0
        ? Optional.empty()
        : WalkFailure.find(format, memory, root.hpa, levels, iova, access);
  }

  /**
   * Ends the use of the table. Does nothing the second time; map, unmap and translate fail with
   * EINVAL after this.
   *
   * @param flushed whether no unit can use any of the tables any more: they are freed then, and
   *     kept for good otherwise
   */
  public void close(boolean flushed) {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      if (flushed) {
        stores.freeTree(root);
      }
    }
  }

  private void checkOpen() {
    if (closed) {
      throw VmmException.invalid(
          "the page table at 0x%x of %s is closed: expected no use after close", root.hpa, name);
    }
  }

  private long checkedLast(String verb, long iova, long lengthBytes) {
    long last = iova + lengthBytes - 1;
    if (((iova | lengthBytes) & (PAGE - 1)) != 0
        || lengthBytes == 0
        || Long.compareUnsigned(last, iova) < 0
        || Long.compareUnsigned(last, lastIova) > 0) {
      throw VmmException.invalid(
          "cannot %s 0x%x bytes at iova 0x%x of %s: expected multiples of 0x%x, not empty, up to iova 0x%x, what the"
              + " units reach; correct the range",
          verb, lengthBytes, iova, name, PAGE, lastIova);
    }
    return last;
  }

  private void checkHpa(long iova, long hpa, long lengthBytes) {
    long lastHpa = -1L >>> (64 - format.hpaBits());
    long last = hpa + lengthBytes - 1;
    if ((hpa & (PAGE - 1)) != 0
        || Long.compareUnsigned(last, hpa) < 0
        || Long.compareUnsigned(last, lastHpa) > 0) {
      throw VmmException.invalid(
          "cannot map 0x%x bytes at iova 0x%x of %s to hpa 0x%x: expected a multiple of 0x%x, up to hpa 0x%x; correct"
              + " the range",
          lengthBytes, iova, name, hpa, PAGE, lastHpa);
    }
  }

  private VmmException overlap(long iova, long last, long conflict) {
    return VmmException.invalid(
        "cannot map iova 0x%x-0x%x of %s: iova 0x%x is mapped already; unmap it first",
        iova, last, name, conflict);
  }

  private static long min(long a, long b) {
    return Long.compareUnsigned(a, b) <= 0 ? a : b;
  }

  private static long max(long a, long b) {
    return Long.compareUnsigned(a, b) >= 0 ? a : b;
  }
}
