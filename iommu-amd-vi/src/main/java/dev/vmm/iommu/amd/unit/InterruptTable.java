package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.amd.structs.Irte;
import dev.vmm.machine.PhysicalMemory;
import java.util.BitSet;
import java.util.List;
import java.util.TreeSet;

/**
 * The interrupt table of the device ids that share an alias, mostly of one: a page, of which the
 * first half is used. An entry is 32 bits and is changed by one store.
 *
 * <p>Not thread-safe: the unit's lock is held.
 */
final class InterruptTable {
  static final int ENTRIES = 1 << InterruptWords.LOG2_ENTRIES;

  private final PhysicalMemory memory;
  private final boolean coherent;
  private final int alias;
  private final long base;
  private final BitSet used = new BitSet(ENTRIES);

  /** The ids whose device table entries lead here, unless they forward. */
  private final TreeSet<Integer> users = new TreeSet<>();

  /**
   * Takes a page, with every entry blocked.
   *
   * @throws dev.vmm.VmmException ENOMEM
   */
  InterruptTable(PhysicalMemory memory, boolean coherent, int alias) {
    this.memory = memory;
    this.coherent = coherent;
    this.alias = alias;
    this.base = memory.allocatePage();
    flush(base, PhysicalMemory.PAGE_BYTES);
  }

  /** Returns the hpa of the first entry. */
  long base() {
    return base;
  }

  /** Returns the alias of the ids that may lead here. */
  int alias() {
    return alias;
  }

  void addUser(int id) {
    users.add(id);
  }

  boolean hasUser(int id) {
    return users.contains(id);
  }

  List<Integer> users() {
    return List.copyOf(users);
  }

  /**
   * Takes entries next to each other, the first at a multiple of the power of two that {@code
   * count} needs; returns its index, or -1 if there are not so many left.
   */
  int reserve(int count) {
    int step = count == 1 ? 1 : Integer.highestOneBit(count - 1) << 1;
    for (int first = 0; first + count <= ENTRIES; first += step) {
      int next = used.nextSetBit(first);
      if (next < 0 || next >= first + count) {
        used.set(first, first + count);
        return first;
      }
    }
    return -1;
  }

  /** Gives entries back, of which the unit has forgotten everything. */
  void giveBack(int first, int count) {
    used.clear(first, first + count);
  }

  /** Says whether no entries are used but these. */
  boolean usedOnlyFor(int first, int count) {
    return used.cardinality() == used.get(first, first + count).cardinality();
  }

  boolean unused() {
    return used.isEmpty();
  }

  void set(int index, Irte entry) {
    write(index, entry);
    flush(at(index), Irte.BYTES);
  }

  /** Blocks entries. */
  void clear(int first, int count) {
    for (int i = 0; i < count; i++) {
      write(first + i, Irte.BLOCKED);
    }
    flush(at(first), (long) count * Irte.BYTES);
  }

  /** Frees the page: the unit has forgotten it. */
  void free() {
    memory.free(base, PhysicalMemory.PAGE_BYTES);
  }

  private void write(int index, Irte entry) {
    memory.write(at(index), Irte.BYTES, entry.raw());
  }

  private long at(int index) {
    return base + (long) index * Irte.BYTES;
  }

  private void flush(long hpa, long lengthBytes) {
    if (!coherent) {
      memory.flushCache(hpa, lengthBytes);
    }
  }
}
