package dev.vmm.iommu.amd.model;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;

/** A machine whose units' registers pass through a test's hands. */
class HookedMachine implements Machine {
  private final Machine machine;

  HookedMachine(Machine machine) {
    this.machine = machine;
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
    return new RegisterBlock() {
      @Override
      public long baseHpa() {
        return block.baseHpa();
      }

      @Override
      public long lengthBytes() {
        return block.lengthBytes();
      }

      @Override
      public long read(long offset, int widthBytes) {
        return HookedMachine.this.read(block, offset, block.read(offset, widthBytes));
      }

      @Override
      public void write(long offset, int widthBytes, long value) {
        if (arrives(block, offset, value)) {
          block.write(offset, widthBytes, value);
        }
      }
    };
  }

  @Override
  public void close() {
    machine.close();
  }
}
