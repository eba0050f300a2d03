package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.support.UnitMove;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A move by rewriting device table entries in place.
 *
 * <p>Java has stores of 64 bits only, and the table root is in the first word of an entry, the
 * domain id in the second: a live entry cannot go from one domain to the other in one store. A unit
 * must never tag the new tables' translations with the old domain id, nor the other way round,
 * since other devices are in both. So the entry passes through the unit's transit domain id, which
 * no domain has, one word at a time, each change confirmed before the next:
 *
 * <ol>
 *   <li>old tables under the transit id: the device is where it was;
 *   <li>new tables under the transit id, and the transit id forgotten: the device is where it goes;
 *   <li>new tables under the new id, and the old id and the transit id forgotten.
 * </ol>
 *
 * <p>What the entry says of interrupts is a word of its own: one that stops or remaps them is
 * written in the first of these steps, one that lets them pass in the last.
 *
 * <p>Entries of one move that come from one domain and go to one go together. Others follow each
 * other: under the transit id they would see each other's translations. It takes no memory, so that
 * the way back takes none.
 *
 * <p>Source: 48882 rev 3, "Device Table Entry Format" (DomainID: entries that share it share their
 * tables) and "Making Device Table Entry Changes".
 */
final class EntryMove implements UnitMove {
  private final AmdUnit unit;
  private final List<Change> changes = new ArrayList<>();

  /**
   * The first word that the unit has last confirmed, of each entry for which that was a new one.
   */
  private final Map<Integer, Long> confirmed = new HashMap<>();

  /** Where an entry leads, before and after. */
  private record Change(int id, Place from, Place to) {}

  /**
   * Where an entry leads: its first word, its domain id, and whether interrupts pass as they are.
   * If not, the third word is whatever the interrupt tables need by the time that it is written.
   */
  record Place(long translation, int domainId, boolean forwardsInterrupts) {}

  /** The changes that may go through the transit id together. */
  private record Way(Place from, Place to) {}

  EntryMove(AmdUnit unit, int[] ids, Place to) {
    this.unit = unit;
    DeviceTable table = unit.table();
    for (int id : ids) {
      Place from =
          new Place(table.translation(id), table.domainId(id), table.forwardsInterrupts(id));
      changes.add(new Change(id, from, to));
    }
  }

  @Override
  public void apply() {
    if (unit.translating()) {
      pass(true);
    } else {
      changes.forEach(change -> put(change.id(), change.to()));
    }
  }

  @Override
  public void finish() {
    // The old entries were overwritten: there is nothing to free.
  }

  @Override
  public void cancel() {
    // Nothing was taken.
  }

  @Override
  public boolean undo() {
    try {
      if (!unit.translating()) {
        changes.forEach(change -> put(change.id(), change.from()));
        return true;
      }
      if (!unit.caches().poisoned()) {
        pass(false);
        return true;
      }
      changes.forEach(this::putBack);
      return false;
    } catch (RuntimeException e) {
      putAllBack();
      return false;
    }
  }

  /** Puts the old entries back after the way through the transit id failed. */
  private void putAllBack() {
    try {
      changes.forEach(this::putBack);
    } catch (RuntimeException e) {
      unit.caches().tablesInDoubt(e);
    }
  }

  /** Leads all entries through the transit id, forward or back. */
  private void pass(boolean forward) {
    Map<Way, List<Integer>> ways = new LinkedHashMap<>();
    for (Change change : changes) {
      Way way = forward ? new Way(change.from(), change.to()) : new Way(change.to(), change.from());
      if (!change.from().equals(change.to())) {
        ways.computeIfAbsent(way, key -> new ArrayList<>()).add(change.id());
      }
    }
    try {
      ways.forEach(this::pass);
    } catch (RuntimeException e) {
      // Also where a store failed: some entries are on their way.
      throw unit.caches().inDoubt(e);
    }
  }

  private void pass(Way way, List<Integer> ids) {
    DeviceTable table = unit.table();
    UnitCaches caches = unit.caches();
    int transit = unit.transitId();
    ids.forEach(id -> table.setDomainId(id, transit));
    // A device must not send the host's messages from where it goes, nor from where it was.
    boolean forwards = way.to().forwardsInterrupts();
    caches.entriesChanged(ids, forwards ? List.of() : setInterrupts(ids, false));
    ids.forEach(id -> table.setTranslation(id, way.to().translation()));
    caches.entriesChanged(ids, List.of(), transit);
    ids.forEach(id -> confirmed.put(id, way.to().translation()));
    ids.forEach(id -> table.setDomainId(id, way.to().domainId()));
    caches.entriesChanged(
        ids, forwards ? setInterrupts(ids, true) : List.of(), transit, way.from().domainId());
  }

  /** Returns the ids whose entries said something else of interrupts before. */
  private List<Integer> setInterrupts(List<Integer> ids, boolean forwards) {
    return ids.stream().filter(id -> unit.interrupts().set(id, forwards)).toList();
  }

  /** Writes an entry that no unit looks at. */
  private void put(int id, Place place) {
    unit.interrupts().set(id, place.forwardsInterrupts());
    unit.table().setBoth(id, place.translation(), place.domainId());
  }

  /**
   * Leads an entry back to its old tables on a unit that confirms nothing any more, as far as one
   * word can: should it have read the other word at another time, it must not put together what
   * never belonged together. What is left is set right when the unit is off.
   */
  private void putBack(Change change) {
    DeviceTable table = unit.table();
    int id = change.id();
    Place old = change.from();
    if (confirmed.getOrDefault(id, old.translation()) != old.translation()) {
      // It may know the new tables under either id; the device reaches nothing.
      table.setTranslation(id, DeviceTable.BLOCKED);
    } else if (table.translation(id) == old.translation()) {
      table.setDomainId(id, old.domainId());
    } else {
      // Under the transit id, as it may be known. Nobody frees or changes what it leads to now.
      table.setTranslation(id, old.translation());
    }
    unit.interrupts().set(id, old.forwardsInterrupts());
    unit.settleWhenOff(id, old.translation(), old.domainId(), old.forwardsInterrupts());
  }
}
