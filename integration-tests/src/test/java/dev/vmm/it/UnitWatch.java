package dev.vmm.it;

import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.tck.MachineDecorator;

/** A machine whose test hears of each access of its VT-d unit's registers before it is made. */
abstract class UnitWatch extends MachineDecorator {
  /** Where QEMU's q35 has its VT-d unit. */
  private static final long UNIT_BASE = 0xfed90000L;

  private static final long UNIT_LAST = UNIT_BASE + 0xfff;

  UnitWatch(Machine machine) {
    super(machine);
  }

  /** Called before each access; what it throws is thrown to the back end. */
  protected abstract void beforeAccess(String what, long offset);

  private void hear(RegisterBlock block, String what, long offset) {
    if (block.baseHpa() >= UNIT_BASE && block.baseHpa() <= UNIT_LAST) {
      beforeAccess(what, offset);
    }
  }

  @Override
  protected long read(RegisterBlock block, long offset, int widthBytes) {
    hear(block, "read", offset);
    return super.read(block, offset, widthBytes);
  }

  @Override
  protected void write(RegisterBlock block, long offset, int widthBytes, long value) {
    hear(block, "write", offset);
    super.write(block, offset, widthBytes, value);
  }
}
