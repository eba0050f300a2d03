package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.iommu.amd.structs.Irte;
import dev.vmm.iommu.support.AbstractInterruptEntries;
import dev.vmm.pci.Rid;

/** Some entries of an interrupt table. Thread-safe, by the unit's lock. */
final class TableEntries extends AbstractInterruptEntries {
  /** The window of interrupts; where in it does not matter, the data is the index. */
  private static final long ADDRESS = 0xfee0_0000L;

  private static final String CHANGE = "to change its interrupt entries";

  private final AmdUnit unit;
  private final InterruptTables tables;
  private final InterruptTable table;

  /** Guarded by the unit's lock. */
  private boolean closed;

  TableEntries(
      AmdUnit unit,
      InterruptTables tables,
      InterruptTable table,
      Rid source,
      int first,
      int count) {
    super(unit.where(), source, first, count);
    this.unit = unit;
    this.tables = tables;
    this.table = table;
  }

  /** Source: 48882 rev 3, "Interrupt Remapping Tables" (MSI data bits 10:0 are the index). */
  @Override
  public MsiMessage message(int index) {
    return new MsiMessage(ADDRESS, entry(index));
  }

  @Override
  public void route(int index, InterruptTarget target) {
    int entry = entry(index);
    Irte word = Irte.to(target);
    unit.runLocked(
        CHANGE,
        () -> {
          if (closed || unit.gone()) {
            throw closed();
          }
          tables.route(table, entry, word);
        });
  }

  @Override
  public void block(int index) {
    int entry = entry(index);
    unit.runLocked(
        CHANGE,
        () -> {
          if (!closed && !unit.gone()) {
            tables.block(table, entry, 1);
          }
        });
  }

  @Override
  public void close() {
    unit.runLocked(
        "to give interrupt entries back",
        () -> {
          if (!closed && !unit.gone()) {
            tables.release(table, first(), count());
            // Forgotten by the unit: whatever fails now, they are nobody's.
            closed = true;
            tables.dropUnused(table);
          }
          closed = true;
        });
  }
}
