package dev.vmm.iommu.intel.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.iommu.intel.structs.IrteLow;
import dev.vmm.iommu.intel.structs.RemappableMessage;
import dev.vmm.pci.Rid;
import java.util.Objects;

/** Entries of one unit's interrupt-remapping table. Thread-safe: by the unit's lock. */
final class UnitInterrupts implements InterruptEntries {
  private static final String CHANGE = "to change its interrupt entries";

  private final Unit unit;
  private final InterruptTable table;
  private final Rid source;
  private final int first;
  private final int count;
  private boolean closed;

  /** Takes the entries; with the unit's lock held. */
  UnitInterrupts(Unit unit, InterruptTable table, Rid source, int count) {
    this.unit = unit;
    this.table = table;
    this.source = source;
    this.count = count;
    first = table.take(source.id16(), count);
  }

  @Override
  public Rid source() {
    return source;
  }

  @Override
  public int count() {
    return count;
  }

  @Override
  public MsiMessage message(int index) {
    return RemappableMessage.of(first, Objects.checkIndex(index, count));
  }

  @Override
  public void route(int index, InterruptTarget target) {
    int entry = first + Objects.checkIndex(index, count);
    boolean tooFar = !table.extended() && (target.destination() & ~0xff) != 0;
    if (tooFar || target.deliveryMode() == 3 || target.deliveryMode() == 6) {
      throw VmmException.invalid(
          "%s cannot route an interrupt of %s to %s: expected a delivery mode other than 3 and 6, and a destination of"
              + " %d bits; give another processor",
          unit.where(), source, target, table.extended() ? 32 : 8);
    }
    change(
        () -> {
          if (closed || unit.givenUp()) {
            throw VmmException.invalid(
                "the interrupt entries of %s in %s are closed: expected them open; reserve others",
                source, unit.where());
          }
          boolean replaced = table.present(entry);
          table.set(entry, IrteLow.of(target, table.extended()));
          unit.interruptsChanged(replaced, entry, 1);
        });
  }

  @Override
  public void block(int index) {
    int entry = first + Objects.checkIndex(index, count);
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
            blockAll(first, count);
            table.giveBack(first, count);
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
    unit.locked(
        CHANGE,
        () -> {
          step.run();
          return this;
        });
  }

  @Override
  public String toString() {
    return String.format(
        "entries 0x%x-0x%x of %s for %s", first, first + count - 1, unit.where(), source);
  }
}
