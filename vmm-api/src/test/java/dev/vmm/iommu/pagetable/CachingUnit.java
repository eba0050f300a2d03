package dev.vmm.iommu.pagetable;

import dev.vmm.iommu.Access;
import java.util.HashMap;
import java.util.Map;

/**
 * A unit that caches every leaf and every link it meets, and drops only what it must: a leaf if the
 * flushed range covers all of it, a link if the range touches what it covers and links are said to
 * have changed. What it still holds after a call must be what the tables say.
 */
final class CachingUnit implements TableInvalidator {
  private record Key(long base, int level) {}

  private final PageTableFormat format;
  private final WatchedMemory memory;
  private final Map<Key, Long> leaves = new HashMap<>();
  private final Map<Key, Long> links = new HashMap<>();
  private long root;
  private int levels;

  int mapped;
  int unmapped;

  CachingUnit(PageTableFormat format, WatchedMemory memory) {
    this.format = format;
    this.memory = memory;
  }

  void use(RadixPageTable table) {
    root = table.rootHpa();
    levels = table.levels();
  }

  /** Walks as for a device's access, and keeps all entries that were met. */
  void access(long iova) {
    long table = root;
    for (int level = levels; level > 0; level--) {
      long entry = memory.read64(table + 8L * PageTableFormat.index(iova, level));
      if (!format.isPresent(entry)) {
        return;
      }
      Key key = new Key(iova & -PageTableFormat.entryBytes(level), level);
      if (format.isLeaf(entry, level)) {
        leaves.put(key, entry);
        return;
      }
      links.put(key, entry);
      table = format.linkAddress(entry);
    }
  }

  /** Returns what the words in memory say of a page, read anew. */
  static PageTableOracle.Page walk(
      PageTableFormat format, WatchedMemory memory, long root, int levels, long iova) {
    long table = root;
    for (int level = levels; level > 0; level--) {
      long entry = memory.read64(table + 8L * PageTableFormat.index(iova, level));
      if (!format.isPresent(entry)) {
        return null;
      }
      if (format.isLeaf(entry, level)) {
        long offset = iova & (PageTableFormat.entryBytes(level) - 1) & -4096L;
        Access access = format.leafAccess(entry);
        return new PageTableOracle.Page(format.leafAddress(entry, level) + offset, access);
      }
      table = format.linkAddress(entry);
    }
    return null;
  }

  @Override
  public void mapped(long iova, long lengthBytes) {
    mapped++;
  }

  @Override
  public void unmapped(long iova, long lengthBytes, boolean linksChanged) {
    unmapped++;
    long last = iova + lengthBytes - 1;
    leaves
        .keySet()
        .removeIf(
            key ->
                Long.compareUnsigned(key.base(), iova) >= 0
                    && Long.compareUnsigned(lastOf(key), last) <= 0);
    if (linksChanged) {
      links
          .keySet()
          .removeIf(
              key ->
                  Long.compareUnsigned(lastOf(key), iova) >= 0
                      && Long.compareUnsigned(key.base(), last) <= 0);
    }
  }

  /** Checks that everything cached is still in the tables, entry by entry. */
  void assertNothingStale() {
    leaves.forEach((key, entry) -> assertInTables("leaf", key, entry));
    links.forEach((key, entry) -> assertInTables("link", key, entry));
  }

  private void assertInTables(String what, Key key, long cached) {
    long table = root;
    for (int level = levels; level > key.level(); level--) {
      long entry = memory.read64(table + 8L * PageTableFormat.index(key.base(), level));
      if (!format.isPresent(entry) || format.isLeaf(entry, level)) {
        throw new AssertionError(stale("table above", what, key));
      }
      table = format.linkAddress(entry);
    }
    long entry = memory.read64(table + 8L * PageTableFormat.index(key.base(), key.level()));
    if (entry != cached) {
      throw new AssertionError(
          String.format("%s: 0x%x, cached 0x%x", stale("entry of", what, key), entry, cached));
    }
  }

  private static String stale(String which, String what, Key key) {
    return String.format(
        "%s cached %s of level %d at 0x%x has changed without a flush",
        which, what, key.level(), key.base());
  }

  private static long lastOf(Key key) {
    return key.base() | (PageTableFormat.entryBytes(key.level()) - 1);
  }
}
