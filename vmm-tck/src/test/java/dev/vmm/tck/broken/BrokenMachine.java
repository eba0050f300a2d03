package dev.vmm.tck.broken;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;

/** A machine of which the back end uses the registers wrongly. */
record BrokenMachine(Machine machine, Bug bug) implements Machine {
  @Override
  public String name() {
    return machine.name();
  }

  @Override
  public PhysicalMemory memory() {
    return machine.memory();
  }

  @Override
  public PciBus pci() {
    return machine.pci();
  }

  @Override
  public AcpiTables acpi() {
    return machine.acpi();
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    return new BrokenRegisters(machine.registers(hpa, lengthBytes), bug);
  }

  @Override
  public void close() {
    machine.close();
  }
}
