package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.pci.Rid;

/** A unit that can lose its power. Thread-safe. */
final class PoweredUnit implements RemappingUnit {
  private final RemappingUnit unit;
  private volatile boolean on = true;

  PoweredUnit(RemappingUnit unit) {
    this.unit = unit;
  }

  RemappingUnit unit() {
    return unit;
  }

  void power(boolean value) {
    on = value;
  }

  @Override
  public String name() {
    return unit.name();
  }

  @Override
  public AddressRange registers() {
    return unit.registers();
  }

  @Override
  public long read(long offset, int widthBytes) {
    return on ? unit.read(offset, widthBytes) : -1;
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    if (on) {
      unit.write(offset, widthBytes, value);
    }
  }

  @Override
  public long translate(Rid rid, long iova, boolean write) {
    return on ? unit.translate(rid, iova, write) : BLOCKED;
  }

  @Override
  public String toString() {
    return unit.name() + " at " + unit.registers();
  }
}
