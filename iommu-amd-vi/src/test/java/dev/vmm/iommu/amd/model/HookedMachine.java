package dev.vmm.iommu.amd.model;

import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.tck.MachineDecorator;

/** A machine whose units' registers pass through a test's hands. */
class HookedMachine extends MachineDecorator {
  HookedMachine(Machine machine) {
    super(machine);
  }

  /** Is told a write before it is made; says whether it reaches the unit. */
  protected boolean arrives(RegisterBlock unit, long offset, long value) {
    return true;
  }

  /** Returns what a read gives. */
  protected long read(RegisterBlock unit, long offset, long value) {
    return value;
  }

  @Override
  protected final long read(RegisterBlock unit, long offset, int widthBytes) {
    return read(unit, offset, super.read(unit, offset, widthBytes));
  }

  @Override
  protected final void write(RegisterBlock unit, long offset, int widthBytes, long value) {
    if (arrives(unit, offset, value)) {
      super.write(unit, offset, widthBytes, value);
    }
  }
}
