package dev.vmm.iommu.amd;

import dev.vmm.iommu.amd.ivrs.IvrsBuilder;
import dev.vmm.iommu.amd.unit.FakeUnit;
import dev.vmm.machine.Machine;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;

/** A machine of 16 MiB with units whose registers are 0, and an IVRS table that a test writes. */
final class DescribedMachine {
  static final long FIRST = 0xfed8_0000L;
  static final long SECOND = 0xfed8_4000L;

  /** Capability header, 48882 rev 3, "IOMMU Capability Header": id 0Fh, type 3 in 18:16. */
  static final int CAPABILITY = 0x0003_000f;

  static final int EFR_SUP = 1 << 27;

  final ArrayMemory memory = new ArrayMemory(16L << 20);
  final FakeMachine machine = new FakeMachine(memory);
  final IvrsBuilder ivrs = new IvrsBuilder();

  /** Adds a unit's function, with its capability at 0x40, and its registers. */
  FakeUnit unit(String rid, long base, int capability) {
    machine
        .pci()
        .add(rid, 0x1022, 0x1451, 0x080600)
        .config
        .putInt(0x40, capability)
        .putInt(0x44, (int) base | 1);
    FakeUnit unit = new FakeUnit(base, FakeUnit.PATIENT);
    machine.with(unit);
    return unit;
  }

  /** Adds two units of old: the first for the ids up to FFh, the second for those up to 1FFh. */
  void twoUnits() {
    unit("00:00.2", FIRST, CAPABILITY);
    unit("00:00.3", SECOND, CAPABILITY);
    ivrs.ivhd(0x10, 0, 2, FIRST, IvrsBuilder.range(0x8, 0xff, 0))
        .ivhd(0x10, 0, 3, SECOND, IvrsBuilder.range(0x100, 0x1ff, 0));
  }

  /** Returns the machine with its table. To be called once. */
  Machine described() {
    return machine.with(ivrs.build());
  }
}
