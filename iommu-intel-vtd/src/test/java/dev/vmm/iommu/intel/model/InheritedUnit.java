package dev.vmm.iommu.intel.model;

import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.ModelMachineBuilder;

/**
 * Machines whose unit was used before and not tidied up: off, so that it is nobody's, but with
 * registers as somebody else left them. By the words of VT-d r4.1, "Register Descriptions".
 */
final class InheritedUnit {
  static final long BASE = 0xfed90000L;
  static final long FAULT_MESSAGE = 0xfee0_0000L;

  private static final int GCMD = 0x18;
  private static final int GSTS = 0x1c;
  private static final int CCMD = 0x28;
  private static final int FSTS = 0x34;
  private static final int FECTL = 0x38;
  private static final int FEDATA = 0x3c;
  private static final int FEADDR = 0x40;
  private static final int PMEN = 0x64;
  private static final int PLMBASE = 0x68;
  private static final int PLMLIMIT = 0x6c;
  private static final int IQT = 0x88;
  private static final int IQA = 0x90;
  private static final int IOTLB = 0x508;
  private static final int LARGE = 0x20_0000;

  private InheritedUnit() {}

  static RegisterBlock registers(ModelMachine machine) {
    return machine.registers(BASE, 0x1000);
  }

  /**
   * With a queue: its tail is not zero, it stopped at an error, fault events are sent to wherever,
   * interrupts in the format without remapping are let pass, and page-selective flushes reach 16
   * pages at most.
   */
  static ModelMachine queued() {
    ModelMachine machine =
        ModelMachineBuilder.intel()
            .name("model:intel, inherited")
            .vtd(unit -> unit.mamv(4))
            .build();
    RegisterBlock unit = registers(machine);
    long queue = machine.memory().allocatePage();
    machine.memory().fill64(queue, 512, 0xf, 0);
    unit.write64(IQA, queue);
    unit.write32(GCMD, 1 << 26);
    await(unit, 1 << 26, 1 << 26);
    unit.write64(IQT, 0x30);
    for (int i = 0; i < 10; i++) {
      unit.read32(FSTS);
    }
    unit.write32(GCMD, 0);
    await(unit, 1 << 26, 0);
    unit.write32(GCMD, 1 << 23);
    await(unit, 1 << 23, 1 << 23);
    unit.write32(FEDATA, 0x31);
    unit.write32(FEADDR, (int) FAULT_MESSAGE);
    unit.write32(FECTL, 0);
    return machine;
  }

  /** Without a queue: two invalidations are under way of which nobody saw the end. */
  static ModelMachine invalidating() {
    ModelMachine machine =
        ModelMachineBuilder.intel()
            .name("model:intel,qi=off, inherited")
            .vtd(unit -> unit.qi(false).ir(false).eim(false))
            .build();
    leaveInvalidating(machine);
    return machine;
  }

  static void leaveInvalidating(ModelMachine machine) {
    RegisterBlock unit = registers(machine);
    unit.write64(CCMD, 1L << 63 | 1L << 61);
    unit.write64(IOTLB, 1L << 63 | 1L << 60);
  }

  /** With 2 MiB at {@link #protectedHpa} that no DMA reaches while the unit is off. */
  static ModelMachine protectedMemory() {
    ModelMachine machine = ModelMachineBuilder.intel().vtd(unit -> unit.plmr(true)).build();
    RegisterBlock unit = registers(machine);
    long hpa = machine.memory().allocate(LARGE, LARGE);
    unit.write32(PLMBASE, (int) hpa);
    unit.write32(PLMLIMIT, (int) hpa);
    unit.write32(PMEN, 1 << 31);
    for (int i = 0; i < 10; i++) {
      unit.read32(PMEN);
    }
    return machine;
  }

  static long protectedHpa(ModelMachine machine) {
    return Integer.toUnsignedLong(registers(machine).read32(PLMBASE));
  }

  static boolean queueErrorLeft(ModelMachine machine) {
    return (registers(machine).read32(FSTS) & 1 << 4) != 0;
  }

  private static void await(RegisterBlock unit, int mask, int value) {
    for (int i = 0; i < 100 && (unit.read32(GSTS) & mask) != value; i++) {
      Thread.onSpinWait();
    }
    if ((unit.read32(GSTS) & mask) != value) {
      throw new AssertionError("GSTS is 0x" + Integer.toHexString(unit.read32(GSTS)));
    }
  }
}
