package dev.vmm.iommu.intel.model;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;

/** A machine whose unit's registers pass through a test's hands. */
abstract class AccessedMachine implements Machine {
  private final Machine machine;

  AccessedMachine(Machine machine) {
    this.machine = machine;
  }

  /** What happens before a write. */
  protected void beforeWrite(RegisterBlock unit, long offset, long value) {}

  /** What happens after a read or write. */
  protected void afterAccess(long offset) {}

  /** Returns what a read gives. */
  protected long read(long offset, long value) {
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
        long value = AccessedMachine.this.read(offset, block.read(offset, widthBytes));
        afterAccess(offset);
        return value;
      }

      @Override
      public void write(long offset, int widthBytes, long value) {
        beforeWrite(block, offset, value);
        block.write(offset, widthBytes, value);
        afterAccess(offset);
      }
    };
  }

  @Override
  public void close() {
    machine.close();
  }
}
