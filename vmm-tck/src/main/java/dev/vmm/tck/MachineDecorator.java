package dev.vmm.tck;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.HotPlug;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;
import java.util.Optional;

/**
 * A machine, as a back end sees it, of which something passes through a test's hands: reads and
 * writes of memory-mapped registers by overriding {@link #read} and {@link #write}, anything else
 * by overriding what gives it. What is not overridden is the machine's own.
 */
public abstract class MachineDecorator implements Machine {
  private final Machine machine;

  /** Stands before {@code machine}. */
  protected MachineDecorator(Machine machine) {
    this.machine = machine;
  }

  /** Returns the machine itself. */
  public final Machine machine() {
    return machine;
  }

  /** Returns what a read of a register gives: what the hardware says. */
  protected long read(RegisterBlock block, long offset, int widthBytes) {
    return block.read(offset, widthBytes);
  }

  /** Writes a register: hands it to the hardware. */
  protected void write(RegisterBlock block, long offset, int widthBytes, long value) {
    block.write(offset, widthBytes, value);
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
    return new DecoratedRegisters(machine.registers(hpa, lengthBytes));
  }

  @Override
  public Optional<MemoryMap> memoryMap() {
    return machine.memoryMap();
  }

  @Override
  public Optional<HotPlug> hotPlug() {
    return machine.hotPlug();
  }

  @Override
  public void close() {
    machine.close();
  }

  private final class DecoratedRegisters implements RegisterBlock {
    private final RegisterBlock block;

    DecoratedRegisters(RegisterBlock block) {
      this.block = block;
    }

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
      return MachineDecorator.this.read(block, offset, widthBytes);
    }

    @Override
    public void write(long offset, int widthBytes, long value) {
      MachineDecorator.this.write(block, offset, widthBytes, value);
    }
  }
}
