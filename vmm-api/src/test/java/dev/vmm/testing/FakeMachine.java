package dev.vmm.testing;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.HotPlug;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A machine that a test puts together: memory, functions, tables, register blocks. */
public class FakeMachine implements Machine {
  private final PhysicalMemory memory;
  private final FakePci pci = new FakePci();
  private final List<AcpiTable> tables = new ArrayList<>();
  private final List<RegisterBlock> blocks = new ArrayList<>();

  private @Nullable HotPlug slots;
  private @Nullable MemoryMap memoryMap;

  /** A machine with this memory and nothing else. */
  public FakeMachine(PhysicalMemory memory) {
    this.memory = memory;
  }

  /** Adds a table. */
  public FakeMachine with(AcpiTable table) {
    tables.add(table);
    return this;
  }

  /** Adds registers, found by their range. */
  public FakeMachine with(RegisterBlock block) {
    blocks.add(block);
    return this;
  }

  /** Has its firmware tell of the memory. */
  public FakeMachine with(MemoryMap map) {
    memoryMap = map;
    return this;
  }

  /** Gives it slots, which tell who listens of what a test does to {@link #pci}. */
  public FakeHotPlug withSlots() {
    FakeHotPlug made = new FakeHotPlug(pci());
    slots = made;
    return made;
  }

  @Override
  public String name() {
    return "fake:";
  }

  @Override
  public PhysicalMemory memory() {
    return memory;
  }

  @Override
  public Optional<MemoryMap> memoryMap() {
    return Optional.ofNullable(memoryMap);
  }

  @Override
  public FakePci pci() {
    return pci;
  }

  @Override
  public AcpiTables acpi() {
    return AcpiTables.of(tables);
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    for (RegisterBlock block : blocks) {
      if (hpa == block.baseHpa() && lengthBytes <= block.lengthBytes()) {
        return block;
      }
    }
    throw VmmException.invalid(
        "no registers of 0x%x bytes at 0x%x: this fake has %d blocks",
        lengthBytes, hpa, blocks.size());
  }

  @Override
  public Optional<HotPlug> hotPlug() {
    return Optional.ofNullable(slots);
  }

  @Override
  public void close() {}
}
