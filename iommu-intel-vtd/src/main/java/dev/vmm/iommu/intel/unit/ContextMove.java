package dev.vmm.iommu.intel.unit;

import dev.vmm.iommu.intel.structs.ContextEntryHigh;
import dev.vmm.iommu.intel.structs.ContextEntryLow;
import dev.vmm.iommu.support.AllTried;
import dev.vmm.iommu.support.UnitMove;
import java.util.Arrays;
import java.util.stream.IntStream;

/** A move by new context tables. */
final class ContextMove implements UnitMove {
  private final Unit unit;
  private final int newDomainId;
  private final int[] added;
  private final int[] oldDomainIds;
  private final ContextTables.Change change;

  ContextMove(Unit unit, int[] sourceIds, int domainId, int levels, long tableRoot) {
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
      AllTried dropped = new AllTried();
      dropped.run(change::discard);
      dropped.suppressIn(e);
      throw e;
    }
  }

  @Override
  public void apply() {
    change.publish();
    if (unit.translating()) {
      unit.caches().contextChanged(change.replaces(), added, oldDomainIds, newDomainId);
    }
  }

  @Override
  public void finish() {
    change.freeOld();
  }

  @Override
  public void cancel() {
    change.discard();
  }

  @Override
  public boolean undo() {
    try {
      change.revert();
    } catch (RuntimeException e) {
      unit.caches().tablesInDoubt(e);
      return false;
    }
    try {
      if (unit.translating()) {
        int[] all = Arrays.copyOf(oldDomainIds, oldDomainIds.length + 1);
        all[oldDomainIds.length] = newDomainId;
        unit.caches().contextChanged(true, added, all, newDomainId);
      }
      change.discard();
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }
}
