package dev.vmm.iommu.intel.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.iommu.intel.structs.IrteLow;
import dev.vmm.iommu.intel.structs.RemappableMessage;
import dev.vmm.iommu.support.AbstractInterruptEntries;
import dev.vmm.pci.Rid;

/** Entries of one unit's interrupt-remapping table. Thread-safe: by the unit's lock. */
final class UnitInterrupts extends AbstractInterruptEntries {
  private static final String CHANGE = "to change its interrupt entries";

  private final Unit unit;
  private final InterruptTable table;

  /** Guarded by the unit's lock. */
  private boolean closed;

  /** Takes the entries; with the unit's lock held. */
  UnitInterrupts(Unit unit, InterruptTable table, Rid source, int count) {
    super(unit.where(), source, table.take(source.id16(), count), count);
    this.unit = unit;
    this.table = table;
  }

  @Override
  public MsiMessage message(int index) {
    return RemappableMessage.of(first(), entry(index) - first());
  }

  @Override
  public void route(int index, InterruptTarget target) {
    int entry = entry(index);
    boolean tooFar = !table.extended() && (target.destination() & ~0xff) != 0;
    if (tooFar || IrteLow.isReserved(target.deliveryMode())) {
      throw VmmException.invalid(
          "%s cannot route an interrupt of %s to %s: expected a delivery mode other than 3 and 6, and a destination of"
              + " %d bits; give another processor",
          unit.where(), source(), target, table.extended() ? 32 : 8);
    }
    change(
        () -> {
          if (closed || unit.givenUp()) {
            throw closed();
          }
          boolean replaced = table.present(entry);
          table.set(entry, IrteLow.of(target, table.extended()));
          unit.interruptsChanged(replaced, entry, 1);
        });
  }

  @Override
  public void block(int index) {
    int entry = entry(index);
    change(
        () -> {
          if (!closed && !unit.givenUp()) {
            blockAll(entry, 1);
          }
        });
  }

  @Override
  public void close() {
    change(
        () -> {
          if (!closed && !unit.givenUp()) {
            blockAll(first(), count());
            table.giveBack(first(), count());
          }
          closed = true;
        });
  }

  private void blockAll(int from, int many) {
    boolean replaced = false;
    for (int entry = from; entry < from + many; entry++) {
      if (table.present(entry)) {
        table.set(entry, 0);
        replaced = true;
      }
    }
    if (replaced) {
      unit.interruptsChanged(true, from, many);
    } else {
      // What was blocked before may not have been confirmed.
      unit.checkInterrupts();
    }
  }

  private void change(Runnable step) {
    unit.runLocked(CHANGE, step);
  }
}
