package dev.vmm.tck.broken;

import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.tck.MachineDecorator;

/** A machine of which the back end uses the registers wrongly. */
final class BrokenMachine extends MachineDecorator {
  private final Bug bug;

  BrokenMachine(Machine machine, Bug bug) {
    super(machine);
    this.bug = bug;
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    return new BrokenRegisters(machine().registers(hpa, lengthBytes), bug);
  }
}
