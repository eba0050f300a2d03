package dev.vmm.iommu.amd.unit;

import dev.vmm.bits.Layout;
import dev.vmm.iommu.amd.regs.CmdBufBaseReg;
import dev.vmm.iommu.amd.regs.CmdBufHeadReg;
import dev.vmm.iommu.amd.regs.CmdBufTailReg;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.DevTabBaseReg;
import dev.vmm.iommu.amd.regs.EventLogBaseReg;
import dev.vmm.iommu.amd.regs.EventLogHeadReg;
import dev.vmm.iommu.amd.regs.EventLogTailReg;
import dev.vmm.iommu.amd.regs.ExclBaseReg;
import dev.vmm.iommu.support.UnitRegisters;

/**
 * What a unit's registers held when it was opened, to be written back when it is given up.
 *
 * <p>Not thread-safe: the unit's lock is held.
 */
final class SavedRegisters {
  private final UnitRegisters registers;
  private final long control;
  private final long exclusionBase;
  private final long deviceTable;
  private final long commandBuffer;
  private final long commandHead;
  private final long commandTail;
  private final long eventLog;
  private final long eventHead;
  private final long eventTail;

  /** Reads them; writes nothing. */
  SavedRegisters(UnitRegisters registers) {
    this.registers = registers;
    this.control = registers.readAlive(ControlReg.LAYOUT, ControlReg.OFFSET);
    this.exclusionBase = registers.readAlive(ExclBaseReg.LAYOUT, ExclBaseReg.OFFSET);
    this.deviceTable = registers.readAlive(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET);
    this.commandBuffer = registers.readAlive(CmdBufBaseReg.LAYOUT, CmdBufBaseReg.OFFSET);
    this.commandHead = registers.readAlive(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET);
    this.commandTail = registers.readAlive(CmdBufTailReg.LAYOUT, CmdBufTailReg.OFFSET);
    this.eventLog = registers.readAlive(EventLogBaseReg.LAYOUT, EventLogBaseReg.OFFSET);
    this.eventHead = registers.readAlive(EventLogHeadReg.LAYOUT, EventLogHeadReg.OFFSET);
    this.eventTail = registers.readAlive(EventLogTailReg.LAYOUT, EventLogTailReg.OFFSET);
  }

  /** Returns what the control register held. */
  long control() {
    return control;
  }

  /**
   * Closes the range that firmware may have let past all tables: translation is on only without it.
   */
  void closeExclusion() {
    long open = ExclBaseReg.EX_EN.mask() | ExclBaseReg.ALLOW.mask();
    if ((exclusionBase & open) != 0) {
      write(ExclBaseReg.LAYOUT, ExclBaseReg.OFFSET, exclusionBase & ~open);
    }
  }

  /** Writes all back, with the unit and its rings off. */
  void restore() {
    write(CmdBufBaseReg.LAYOUT, CmdBufBaseReg.OFFSET, commandBuffer);
    // After the bases: a write of one zeroes its pointers. Tail first: it must not pass the head.
    write(CmdBufTailReg.LAYOUT, CmdBufTailReg.OFFSET, commandTail);
    write(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET, commandHead);
    write(EventLogBaseReg.LAYOUT, EventLogBaseReg.OFFSET, eventLog);
    write(EventLogHeadReg.LAYOUT, EventLogHeadReg.OFFSET, eventHead);
    write(EventLogTailReg.LAYOUT, EventLogTailReg.OFFSET, eventTail);
    write(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET, deviceTable);
    if (registers.readAlive(ExclBaseReg.LAYOUT, ExclBaseReg.OFFSET) != exclusionBase) {
      write(ExclBaseReg.LAYOUT, ExclBaseReg.OFFSET, exclusionBase);
    }
    write(ControlReg.LAYOUT, ControlReg.OFFSET, ControlRegister.relied(control), control);
  }

  private void write(Layout layout, long offset, long value) {
    write(layout, offset, -1L, value);
  }

  private void write(Layout layout, long offset, long relied, long value) {
    registers.write(layout, offset, value);
    // One that was lost would leave the unit pointing at pages that are about to be freed.
    registers.requireHolds(layout, offset, relied, value);
  }
}
