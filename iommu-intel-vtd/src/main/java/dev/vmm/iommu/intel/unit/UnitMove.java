package dev.vmm.iommu.intel.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.intel.structs.ContextEntryHigh;
import dev.vmm.iommu.intel.structs.ContextEntryLow;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The move of some source ids of one unit into one domain, as a transaction: made ready, then
 * {@link #apply}, then {@link #finish} or {@link #undo}.
 *
 * <p>Not thread-safe; moves of one unit follow each other.
 */
public final class UnitMove {
  private final Unit unit;
  private final int newDomainId;
  private final int[] added;
  private final int[] oldDomainIds;
  private final ContextTables.Change change;

  UnitMove(Unit unit, int[] sourceIds, int domainId, int levels, long tableRoot) {
    this.unit = unit;
    this.newDomainId = domainId;
    ContextTables tables = unit.tables();
    added = IntStream.of(sourceIds).filter(id -> !tables.present(id)).toArray();
    oldDomainIds =
        IntStream.of(sourceIds).filter(tables::present).map(tables::domainId).distinct().toArray();
    change = tables.change();
    try {
      for (int sourceId : sourceIds) {
        change.set(
            sourceId, ContextEntryLow.translated(tableRoot), ContextEntryHigh.of(domainId, levels));
      }
      change.ready();
    } catch (RuntimeException e) {
      change.discard();
      throw e;
    }
  }

  /**
   * Makes the unit use the new entries and forget the old ones.
   *
   * @throws VmmException EIO or ETIMEDOUT: {@link #undo} then
   */
  public void apply() {
    unit.lock().lock();
    try {
      if (unit.translating()) {
        unit.caches().check();
      }
      change.publish();
      if (unit.translating()) {
        unit.caches().contextChanged(change.replaces(), added, oldDomainIds, newDomainId);
      }
    } catch (RuntimeException e) {
      throw unit.failure(e, "to take its new context entries");
    } finally {
      unit.lock().unlock();
    }
  }

  /**
   * Ends a move that was applied: the old tables are free.
   *
   * @throws VmmException EIO if the machine does not take them back; the move is made all the same
   */
  public void finish() {
    unit.lock().lock();
    try {
      change.freeOld();
    } catch (RuntimeException e) {
      throw unit.failure(e, "to give its old context tables back");
    } finally {
      unit.lock().unlock();
    }
  }

  /** Ends a move that was not applied. */
  public void cancel() {
    unit.lock().lock();
    try {
      change.discard();
    } finally {
      unit.lock().unlock();
    }
  }

  /**
   * Puts the old entries back.
   *
   * @return whether the unit has confirmed that it has forgotten the new ones; if not, their tables
   *     and the domain id are kept for good. It throws nothing: other units are to be undone too
   */
  public boolean undo() {
    unit.lock().lock();
    try {
      try {
        change.revert();
      } catch (RuntimeException e) {
        unit.caches().tablesInDoubt(e);
        return false;
      }
      if (unit.translating()) {
        int[] all = Arrays.copyOf(oldDomainIds, oldDomainIds.length + 1);
        all[oldDomainIds.length] = newDomainId;
        unit.caches().contextChanged(true, added, all, newDomainId);
      }
      change.discard();
      return true;
    } catch (RuntimeException e) {
      return false;
    } finally {
      unit.lock().unlock();
    }
  }
}
