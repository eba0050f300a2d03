package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.amd.ivrs.DeviceEntry;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A unit whose registers and device table a test writes word by word. Every id is blocked. */
final class WrittenUnit {
  static final long BASE = 0xfed80000L;
  static final long PAGE = 0x1000;
  static final long BLOCKED = 0x3;

  final ArrayMemory memory = new ArrayMemory(1L << 24);
  final FakeMachine machine = new FakeMachine(memory);
  final Map<Long, Long> registers = new HashMap<>();
  final long table = memory.allocate(0x200000, PAGE);

  WrittenUnit() {
    machine.with(new Registers());
    machine.pci().add("00:01.0", 0x8086, 1, 0x020000);
    registers.put(0x00L, table | 0x1ff);
    registers.put(0x18L, 1L); // IommuEn
    registers.put(0x30L, 0x29d1L & ~2L);
    for (int id = 0; id < 1 << 16; id++) {
      memory.write64(table + 32L * id, BLOCKED);
    }
  }

  Ivhd ivhd(List<DeviceEntry> entries) {
    return new Ivhd(0x30, 40, 0x11, 0, 2, 0x40, BASE, 0, 0, 0, 0, 0, entries);
  }

  void entry(int id, long word0, long word1) {
    memory.write64(table + 32L * id, word0);
    memory.write64(table + 32L * id + 8, word1);
  }

  /** Registers that only answer. */
  private final class Registers implements RegisterBlock {
    @Override
    public long baseHpa() {
      return BASE;
    }

    @Override
    public long lengthBytes() {
      return 0x4000;
    }

    @Override
    public long read(long offset, int widthBytes) {
      return registers.getOrDefault(offset, 0L);
    }

    @Override
    public void write(long offset, int widthBytes, long value) {
      throw new AssertionError("a write of 0x" + Long.toHexString(value));
    }
  }
}
