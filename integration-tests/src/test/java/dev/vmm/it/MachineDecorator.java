package dev.vmm.it;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;

/** A machine whose unit registers pass through a test's hands. */
abstract class MachineDecorator implements Machine {
  /** Where QEMU's q35 has its VT-d unit. */
  static final long UNIT_BASE = 0xfed90000L;

  private static final long UNIT_LAST = UNIT_BASE + 0xfff;

  private final Machine machine;

  MachineDecorator(Machine machine) {
    this.machine = machine;
  }

  /** Returns what a back end gets in place of registers of the unit. */
  protected abstract RegisterBlock decorate(RegisterBlock unit);

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
    RegisterBlock block = machine.registers(hpa, lengthBytes);
    return hpa >= UNIT_BASE && hpa <= UNIT_LAST ? decorate(block) : block;
  }

  @Override
  public void close() {
    machine.close();
  }
}
