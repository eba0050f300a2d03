package dev.vmm.iommu.amd.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.amd.structs.Irte;
import dev.vmm.iommu.support.AllTried;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;

/**
 * The interrupt tables of a unit, and which device table entries lead to them.
 *
 * <p>A table is there as long as an entry of it is reserved. Ids that share an alias share a table,
 * since the unit sees their messages under one id.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: 48882 rev 3, "Interrupt Remapping Tables"
 * and "INVALIDATE_INTERRUPT_TABLE".
 */
final class InterruptTables {
  private final AmdUnit unit;
  private final PhysicalMemory memory;
  private final boolean coherent;
  private final InterruptWords words;
  private final IntUnaryOperator aliasOf;
  private final Map<Integer, InterruptTable> byAlias = new TreeMap<>();

  InterruptTables(
      AmdUnit unit,
      PhysicalMemory memory,
      boolean coherent,
      InterruptWords words,
      IntUnaryOperator aliasOf) {
    this.unit = unit;
    this.memory = memory;
    this.coherent = coherent;
    this.words = words;
    this.aliasOf = aliasOf;
  }

  /** Says whether interrupts are remapped at all. */
  boolean remapping() {
    return words.remapping();
  }

  /**
   * Sees to it that an id may have its messages remapped.
   *
   * @throws VmmException EPERM if an I/O APIC or HPET has the same id
   */
  void checkRemappable(int id) {
    if (words.controller(id)) {
      throw new VmmException(
          Errno.EPERM,
          unit.where()
              + " cannot remap the interrupts of "
              + unit.rid(id)
              + ": the IVRS table says that an I/O APIC's or HPET's messages carry that requester id too, expected one of"
              + " its own; assign another device");
    }
  }

  /**
   * Sets what an id's device table entry says of interrupts, by a store of its own.
   *
   * @param forwards whether they pass as they are
   * @return whether it said something else before
   */
  boolean set(int id, boolean forwards) {
    if (forwards) {
      return unit.table().setInterrupts(id, words.forwarded(id));
    }
    InterruptTable table = byAlias.get(aliasOf.applyAsInt(id));
    return unit.table()
        .setInterrupts(
            id,
            table != null && table.hasUser(id)
                ? InterruptWords.remapped(table.base())
                : words.stopped(id));
  }

  /**
   * Reserves entries.
   *
   * @throws VmmException EPERM, ENOSPC, ENOMEM, EIO or ETIMEDOUT
   */
  TableEntries allocate(Rid source, int count) {
    int id = source.id16();
    int alias = aliasOf.applyAsInt(id);
    checkRemappable(id);
    checkRemappable(alias);
    check();
    InterruptTable table = byAlias.get(alias);
    if (count > InterruptTable.ENTRIES) {
      throw full(source, count);
    }
    if (table == null) {
      table = new InterruptTable(memory, coherent, alias);
      byAlias.put(alias, table);
    }
    int first = table.reserve(count);
    if (first < 0) {
      throw full(source, count);
    }
    try {
      use(table, id);
    } catch (RuntimeException e) {
      // Nothing was let through; the table stays, empty, as long as an entry may lead to it.
      table.giveBack(first, count);
      throw e;
    }
    return new TableEntries(unit, this, table, source, first, count);
  }

  private VmmException full(Rid source, int count) {
    return new VmmException(
        Errno.ENOSPC,
        String.format(
            Locale.ROOT,
            "%s cannot give %s %d interrupt entries next to each other: expected so many free of the %d that its table has;"
                + " let the device use fewer messages",
            unit.where(),
            source,
            count,
            InterruptTable.ENTRIES));
  }

  /** Has an id and its alias lead to a table. */
  private void use(InterruptTable table, int id) {
    table.addUser(id);
    table.addUser(table.alias());
    List<Integer> changed = new ArrayList<>();
    try {
      for (int user : List.of(id, table.alias())) {
        if (!unit.table().forwardsInterrupts(user) && set(user, false)) {
          changed.add(user);
        }
      }
      if (!changed.isEmpty() && unit.translating()) {
        unit.caches().entriesChanged(changed, changed);
      }
    } catch (RuntimeException e) {
      throw doubt(e);
    }
  }

  /** Changes an entry; when it returns the unit knows nothing else of it. */
  void route(InterruptTable table, int index, Irte entry) {
    check();
    try {
      table.set(index, entry);
    } catch (RuntimeException e) {
      throw doubt(e);
    }
    forget(table);
  }

  /** Blocks entries, also of a unit that confirms nothing any more: then it throws. */
  void block(InterruptTable table, int first, int count) {
    table.clear(first, count);
    check();
    forget(table);
  }

  /** Blocks entries for good; the last of a table with the device table entries that lead to it. */
  void release(InterruptTable table, int first, int count) {
    table.clear(first, count);
    boolean last = table.usedOnlyFor(first, count);
    List<Integer> changed = new ArrayList<>();
    for (int user : last ? table.users() : List.<Integer>of()) {
      if (!unit.table().forwardsInterrupts(user)
          && unit.table().setInterrupts(user, words.stopped(user))) {
        changed.add(user);
      }
    }
    check();
    if (unit.translating()) {
      unit.caches().entriesChanged(changed, table.users());
    }
    table.giveBack(first, count);
  }

  /** Frees a table that nobody uses any more. */
  void dropUnused(InterruptTable table) {
    if (table.unused()) {
      byAlias.remove(table.alias());
      table.free();
    }
  }

  /** Returns every id of which the unit may know an entry. */
  List<Integer> users() {
    return byAlias.values().stream().flatMap(table -> table.users().stream()).toList();
  }

  /** Frees what is left; the unit is off. */
  void free() {
    List<InterruptTable> all = List.copyOf(byAlias.values());
    byAlias.clear();
    AllTried freed = new AllTried();
    freed.each(all, InterruptTable::free);
    freed.throwFirst();
  }

  private void forget(InterruptTable table) {
    if (unit.translating()) {
      unit.caches().entriesChanged(List.of(), table.users());
    }
  }

  private void check() {
    if (unit.translating()) {
      unit.caches().check();
    }
  }

  private VmmException doubt(RuntimeException e) {
    return unit.translating()
        ? unit.caches().inDoubt(e)
        : unit.failure(e, "to change its interrupt tables");
  }
}
