package dev.vmm.iommu.pagetable;

import static dev.vmm.iommu.pagetable.PageTableFormat.entryBytes;
import static dev.vmm.iommu.pagetable.PageTableFormat.entryShift;
import static dev.vmm.iommu.pagetable.PageTableFormat.index;

import dev.vmm.iommu.Access;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The algorithms over one tree of tables: find, fill, merge, split, clear. Ranges are {@code [iova,
 * last]}, both inclusive and checked by the caller, so that the last page of 64 bits needs no
 * special care.
 *
 * <p>Not thread-safe: guarded by the lock of its {@link RadixPageTable}.
 */
final class TableTree {
  /** No page begins at this address. */
  static final long NOTHING = -1;

  /**
   * An entry of a table and the table that takes its place, or whose place it took.
   *
   * @param base the first iova that the entry covers
   */
  record Replacement(TableNode parent, int index, TableNode child, long base) {
    /** Returns the last iova that the entry covers. */
    long last() {
      return base | (entryBytes(parent.level) - 1);
    }
  }

  private final PageTableFormat format;
  private final TableStores stores;
  private final TableNode root;
  private final long pageSizes;

  /** The tables that were cut off since {@link #takeCut}, as a list. */
  private @Nullable TableNode cut;

  TableTree(PageTableFormat format, TableStores stores, TableNode root) {
    this.format = format;
    this.stores = stores;
    this.root = root;
    pageSizes = format.pageSizes() | PhysicalMemory.PAGE_BYTES;
  }

  /** Returns the table of 4 KiB pages that covers all of the range, if it is there. */
  @Nullable TableNode leafTable(long iova, long last) {
    if (((iova ^ last) >>> entryShift(2)) != 0) {
      return null;
    }
    TableNode table = root;
    while (table != null && table.level > 1) {
      table = table.child(index(iova, table.level));
    }
    return table;
  }

  /** Returns the first iova of the range that is mapped, or {@link #NOTHING}. */
  long firstMapped(long iova, long last) {
    return firstMapped(root, iova, last);
  }

  private static long firstMapped(TableNode table, long iova, long last) {
    int level = table.level;
    long mask = entryBytes(level) - 1;
    int from = index(iova, level);
    int to = index(last, level);
    int leaf = table.nextLeaf(from);
    int end = Math.min(to, leaf);
    long at = iova;
    for (int i = from; i <= end && table.hasChildren(); i++) {
      TableNode child = table.child(i);
      if (child != null) {
        long found = firstMapped(child, at, i == to ? last : at | mask);
        if (found != NOTHING) {
          return found;
        }
      }
      at = (at | mask) + 1;
    }
    if (leaf > to) {
      return NOTHING;
    }
    return leaf == from ? iova : (iova & ~mask) + ((long) (leaf - from) << entryShift(level));
  }

  /** Maps the range, where nothing is mapped, to {@code iova + delta} and up. */
  void fill(long iova, long last, long delta, Access access) {
    fill(root, iova, last, delta, access, true);
  }

  /**
   * Maps {@code [iova, last]}, where nothing is mapped, to {@code iova + delta} and up.
   *
   * @param reachable whether a unit may be walking {@code table}
   */
  private void fill(
      TableNode table, long iova, long last, long delta, Access access, boolean reachable) {
    int level = table.level;
    long bytes = entryBytes(level);
    long mask = bytes - 1;
    boolean leavesFit = (pageSizes & bytes) != 0 && (delta & mask) == 0;
    int to = index(last, level);
    int lastWhole = (last & mask) == mask ? to : to - 1;
    long at = iova;
    int i = index(iova, level);
    while (i <= to) {
      if (leavesFit && (at & mask) == 0 && i <= lastWhole) {
        long leaf = format.leaf(at + delta, level, access);
        stores.addLeaves(table, i, lastWhole, leaf, bytes, reachable);
        at += bytes * (lastWhole - i + 1);
        i = lastWhole + 1;
        continue;
      }
      long entryLast = i == to ? last : at | mask;
      TableNode child = table.child(i);
      if (child != null) {
        fill(child, at, entryLast, delta, access, reachable);
      } else {
        child = newFilled(level - 1, at, entryLast, delta, access);
        stores.link(table, i, child, reachable);
      }
      at = entryLast + 1;
      i++;
    }
  }

  /** Makes a table that maps {@code [iova, last]} and that nothing leads to. */
  private TableNode newFilled(int level, long iova, long last, long delta, Access access) {
    TableNode table = stores.newTable(level);
    boolean filled = false;
    try {
      fill(table, iova, last, delta, access, false);
      filled = true;
      return table;
    } finally {
      if (!filled) {
        stores.freeTree(table);
      }
    }
  }

  /**
   * Puts a superpage in the place of every table on the way to {@code iova} that maps what the
   * superpage would, bottom up.
   *
   * @return {@code merges} and the new ones in the order they were made; null while there are none
   */
  @Nullable ArrayDeque<Replacement> merge(long iova, @Nullable ArrayDeque<Replacement> merges) {
    return merge(root, iova, merges);
  }

  private @Nullable ArrayDeque<Replacement> merge(
      TableNode table, long iova, @Nullable ArrayDeque<Replacement> merges) {
    int i = index(iova, table.level);
    TableNode child = table.child(i);
    if (child == null) {
      return merges;
    }
    ArrayDeque<Replacement> all = merge(child, iova, merges);
    long bytes = entryBytes(table.level);
    if ((pageSizes & bytes) == 0 || !child.isFullOfLeaves()) {
      return all;
    }
    long first = stores.read(child, 0);
    if (!isOneRun(child, first, bytes)) {
      return all;
    }
    long hpa = format.leafAddress(first, child.level);
    stores.replaceByLeaf(table, i, format.leaf(hpa, table.level, format.leafAccess(first)));
    if (all == null) {
      all = new ArrayDeque<>();
    }
    all.addLast(new Replacement(table, i, child, iova & -bytes));
    return all;
  }

  /** Says whether a full table maps one run with one access that begins at a multiple of bytes. */
  private boolean isOneRun(TableNode table, long first, long bytes) {
    int level = table.level;
    long step = entryBytes(level);
    int lastIndex = TableNode.ENTRIES - 1;
    if (!format.isPresent(first)
        || !format.isLeaf(first, level)
        || (format.leafAddress(first, level) & (bytes - 1)) != 0
        || first != format.leaf(format.leafAddress(first, level), level, format.leafAccess(first))
        || stores.read(table, lastIndex) != first + lastIndex * step) {
      return false;
    }
    for (int i = 1; i < lastIndex; i++) {
      if (stores.read(table, i) != first + i * step) {
        return false;
      }
    }
    return true;
  }

  /** Takes merges back: the tables, which were kept, get their places again. */
  void undoMerges(ArrayDeque<Replacement> merges) {
    while (!merges.isEmpty()) {
      Replacement merge = merges.removeLast();
      stores.link(merge.parent, merge.index, merge.child, true);
    }
  }

  /**
   * Makes the tables in which no leaf lies across {@code boundary}, without linking them.
   *
   * @return null if no leaf does
   */
  @Nullable Replacement prepareSplit(long boundary) {
    return prepareSplit(root, boundary);
  }

  /** Splits at {@code boundary} inside a table that is not linked yet, where a leaf lies across. */
  void split(Replacement unlinked, long boundary) {
    splitUnlinked(unlinked.child, boundary);
  }

  /** Lets a prepared split take the place of its superpage. */
  void link(Replacement split) {
    stores.link(split.parent, split.index, split.child, true);
  }

  private @Nullable Replacement prepareSplit(TableNode top, long boundary) {
    TableNode table = top;
    while ((boundary & (entryBytes(table.level) - 1)) != 0) {
      int i = index(boundary, table.level);
      TableNode child = table.child(i);
      if (child == null) {
        return table.hasLeaf(i)
            ? new Replacement(
                table, i, splitLeaf(table, i, boundary), boundary & -entryBytes(table.level))
            : null;
      }
      table = child;
    }
    return null;
  }

  private TableNode splitLeaf(TableNode table, int index, long boundary) {
    long bytes = entryBytes(table.level);
    long base = boundary & -bytes;
    long leaf = stores.read(table, index);
    TableNode child;
    if (format.isPresent(leaf) && format.isLeaf(leaf, table.level)) {
      long hpa = format.leafAddress(leaf, table.level);
      child =
          newFilled(table.level - 1, base, base + bytes - 1, hpa - base, format.leafAccess(leaf));
    } else {
      // Somebody else overwrote the leaf. What takes its place allows no more than it did: nothing.
      child = stores.newTable(table.level - 1);
      child.addLeaves(0, TableNode.ENTRIES - 1);
    }
    boolean split = false;
    try {
      splitUnlinked(child, boundary);
      split = true;
      return child;
    } finally {
      if (!split) {
        stores.freeTree(child);
      }
    }
  }

  private void splitUnlinked(TableNode table, long boundary) {
    Replacement inner = prepareSplit(table, boundary);
    if (inner != null) {
      stores.link(inner.parent, inner.index, inner.child, false);
    }
  }

  /**
   * Clears the range; no leaf lies across its ends. Whole tables in it, and tables that it empties,
   * are cut off by their link and collected for {@link #takeCut}.
   */
  void clear(long iova, long last) {
    clear(root, iova, last);
  }

  /** Clears the entries {@code [from, to]} of one table, of which others stay. */
  void clearLeaves(TableNode table, int from, int to) {
    cut = stores.clear(table, from, to, cut);
  }

  /** Returns the tables that were cut off as a list, and forgets them. */
  @Nullable TableNode takeCut() {
    TableNode list = cut;
    cut = null;
    return list;
  }

  private void clear(TableNode table, long iova, long last) {
    int level = table.level;
    long mask = entryBytes(level) - 1;
    int from = index(iova, level);
    int to = index(last, level);
    if ((iova & mask) != 0 || (from == to && (last & mask) != mask)) {
      clearInside(table, from, iova, from == to ? last : iova | mask);
      from++;
    }
    if (from <= to && (last & mask) != mask) {
      clearInside(table, to, last & ~mask, last);
      to--;
    }
    while (from <= to && !table.isLive(from)) {
      from++;
    }
    while (from <= to && !table.isLive(to)) {
      to--;
    }
    if (from <= to) {
      cut = stores.clear(table, from, to, cut);
    }
  }

  /** Clears a part of what one entry of {@code table} covers. */
  private void clearInside(TableNode table, int index, long iova, long last) {
    TableNode child = table.child(index);
    if (child == null) {
      return;
    }
    boolean emptied =
        child.level == 1 && child.countLeaves(index(iova, 1), index(last, 1)) == child.leafCount();
    if (!emptied) {
      clear(child, iova, last);
    }
    if (emptied || child.isEmpty()) {
      cut = stores.clear(table, index, index, cut);
    }
  }
}
