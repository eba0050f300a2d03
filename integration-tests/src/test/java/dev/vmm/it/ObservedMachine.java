package dev.vmm.it;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciBus;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A machine whose unit registers are watched: every access below {@link #UNIT_LAST} is noted, in order. */
final class ObservedMachine implements Machine {
  /** Where QEMU's q35 has its VT-d unit. */
  static final long UNIT_BASE = 0xfed90000L;

  private static final long UNIT_LAST = UNIT_BASE + 0xfff;

  /** One access of a unit's register. */
  record Access(boolean write, long offset, int widthBytes, long value) {}

  private final Machine machine;
  private final List<Access> accesses = Collections.synchronizedList(new ArrayList<>());

  ObservedMachine(Machine machine) {
    this.machine = machine;
  }

  List<Access> accesses() {
    synchronized (accesses) {
      return List.copyOf(accesses);
    }
  }

  List<Access> writesTo(long offset) {
    return accesses().stream().filter(a -> a.write() && a.offset() == offset).toList();
  }

  void forget() {
    accesses.clear();
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
    return hpa >= UNIT_BASE && hpa <= UNIT_LAST ? new ObservedBlock(block) : block;
  }

  @Override
  public void close() {
    machine.close();
  }

  private final class ObservedBlock implements RegisterBlock {
    private final RegisterBlock block;

    ObservedBlock(RegisterBlock block) {
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
      long value = block.read(offset, widthBytes);
      accesses.add(new Access(false, offset(offset), widthBytes, value));
      return value;
    }

    @Override
    public void write(long offset, int widthBytes, long value) {
      accesses.add(new Access(true, offset(offset), widthBytes, value));
      block.write(offset, widthBytes, value);
    }

    private long offset(long offset) {
      return block.baseHpa() - UNIT_BASE + offset;
    }
  }
}
