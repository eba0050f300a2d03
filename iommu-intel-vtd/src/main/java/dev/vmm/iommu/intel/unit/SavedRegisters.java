package dev.vmm.iommu.intel.unit;

import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.FectlReg;
import dev.vmm.iommu.intel.regs.GcmdReg;
import dev.vmm.iommu.intel.regs.GstsReg;
import dev.vmm.iommu.intel.regs.IqaReg;
import dev.vmm.iommu.intel.regs.IqtReg;
import dev.vmm.iommu.intel.regs.IrtaReg;
import dev.vmm.iommu.intel.regs.PmenReg;
import dev.vmm.iommu.intel.regs.RtaddrReg;
import dev.vmm.iommu.support.UnitRegisters;

/**
 * What a unit's registers held when it was opened, to be written back when it is given up.
 *
 * <p>Not thread-safe: the unit's lock is held.
 */
final class SavedRegisters {
  private final UnitRegisters registers;
  private final GlobalCommand command;
  private final boolean queue;
  private final boolean protectedMemory;
  private final long rtaddr;
  private final long fectl;
  private final long iqa;
  private final long iqt;
  private final long irta;
  private final boolean compatibility;
  private final long pmen;

  /** Reads them; writes nothing. */
  SavedRegisters(UnitRegisters registers, GlobalCommand command, CapReg cap, EcapReg ecap) {
    this.registers = registers;
    this.command = command;
    this.queue = ecap.qi();
    this.protectedMemory = cap.plmr() || cap.phmr();
    this.rtaddr = registers.readAlive(RtaddrReg.LAYOUT, RtaddrReg.OFFSET);
    this.fectl = registers.readAlive(FectlReg.LAYOUT, FectlReg.OFFSET);
    this.iqa = queue ? registers.readAlive(IqaReg.LAYOUT, IqaReg.OFFSET) : 0;
    this.iqt = queue ? registers.readAlive(IqtReg.LAYOUT, IqtReg.OFFSET) : 0;
    this.irta = ecap.ir() ? registers.readAlive(IrtaReg.LAYOUT, IrtaReg.OFFSET) : 0;
    this.compatibility = ecap.ir() && GstsReg.CFIS.isSet(command.status().raw());
    this.pmen = protectedMemory ? registers.readAlive(PmenReg.LAYOUT, PmenReg.OFFSET) : 0;
  }

  /** Keeps fault events from being sent to wherever the registers point: faults are polled. */
  void maskFaultEvents() {
    if (!new FectlReg(fectl).im()) {
      registers.write(FectlReg.LAYOUT, FectlReg.OFFSET, fectl | FectlReg.IM.mask());
      registers.requireHolds(FectlReg.LAYOUT, FectlReg.OFFSET, FectlReg.IM.mask(), -1L);
    }
  }

  /** Has messages in the format without remapping blocked once interrupts are remapped. */
  void blockCompatibilityFormat() {
    if (compatibility) {
      command.turnOff(GcmdReg.CFI);
    }
  }

  /** Writes back what belongs to the remapping of interrupts, which is off. */
  void restoreInterrupts() {
    registers.write(IrtaReg.LAYOUT, IrtaReg.OFFSET, irta);
    registers.requireHolds(IrtaReg.LAYOUT, IrtaReg.OFFSET, IrtaReg.IRTA.mask(), irta);
    // The unit must not keep our table latched, whose pages are about to be freed.
    command.setInterruptTable();
    if (compatibility) {
      command.turnOn(GcmdReg.CFI);
    }
  }

  /** Turns the protected regions off if they were on: translation protects memory now. */
  void openProtectedMemory() {
    if (new PmenReg(pmen).epm()) {
      registers.write(PmenReg.LAYOUT, PmenReg.OFFSET, pmen & ~PmenReg.EPM.mask());
      registers.await(
          PmenReg.LAYOUT,
          PmenReg.OFFSET,
          PmenReg.PRS.mask(),
          0,
          "to turn its protected memory regions off");
    }
  }

  /** Turns the protected regions on again if they were. */
  void closeProtectedMemory() {
    if (new PmenReg(pmen).epm()) {
      registers.write(PmenReg.LAYOUT, PmenReg.OFFSET, pmen);
      registers.await(
          PmenReg.LAYOUT,
          PmenReg.OFFSET,
          PmenReg.PRS.mask(),
          PmenReg.PRS.mask(),
          "to turn its protected memory regions on");
    }
  }

  /** Writes the rest back, with translation and queue off. */
  void restore() {
    if (queue) {
      registers.write(IqaReg.LAYOUT, IqaReg.OFFSET, iqa);
      registers.write(IqtReg.LAYOUT, IqtReg.OFFSET, iqt);
    }
    registers.write(RtaddrReg.LAYOUT, RtaddrReg.OFFSET, rtaddr);
    registers.requireHolds(RtaddrReg.LAYOUT, RtaddrReg.OFFSET, RtaddrReg.RTA.mask(), rtaddr);
    // The unit must not keep our root table latched, whose page is about to be freed.
    command.setRootTable();
    if (!new FectlReg(fectl).im()) {
      registers.write(FectlReg.LAYOUT, FectlReg.OFFSET, fectl);
    }
  }
}
