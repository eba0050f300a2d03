package dev.vmm.iommu.intel.unit;

import dev.vmm.bits.Field;
import dev.vmm.iommu.intel.regs.GcmdReg;
import dev.vmm.iommu.intel.regs.GstsReg;

/**
 * The only writer of GCMD_REG. Every command is built from the status register less its one-shot
 * bits, changes one bit, and is waited for before the next: so that no write drops what is on or
 * starts an action again.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: VT-d r4.1, "Global Command Register".
 */
public final class GlobalCommand {
  private final UnitRegisters registers;

  /** Commands this unit. */
  public GlobalCommand(UnitRegisters registers) {
    this.registers = registers;
  }

  /** Returns the present status. */
  public GstsReg status() {
    return new GstsReg(registers.read(GstsReg.LAYOUT, GstsReg.OFFSET));
  }

  /** Turns a lasting function (TE, QIE, IRE...) on and waits until it is. */
  public void turnOn(Field bit) {
    write(lasting() | bit.mask());
    await(bit.mask(), bit.mask(), "to set " + bit.name());
  }

  /** Turns a lasting function off and waits until it is. */
  public void turnOff(Field bit) {
    write(lasting() & ~bit.mask());
    await(bit.mask(), 0, "to clear " + bit.name());
  }

  /** Makes the unit take RTADDR_REG over, and waits. */
  public void setRootTable() {
    write(lasting() | GcmdReg.SRTP.mask());
    await(GstsReg.RTPS.mask(), GstsReg.RTPS.mask(), "to take the root table");
  }

  /** Flushes the unit's write buffers and waits. */
  public void flushWriteBuffer() {
    write(lasting() | GcmdReg.WBF.mask());
    await(GstsReg.WBFS.mask(), 0, "to flush its write buffer");
  }

  /** What is on; of a unit that is gone all ones, which would turn everything on. */
  private long lasting() {
    return GstsReg.persistentCommands(registers.readAlive(GstsReg.LAYOUT, GstsReg.OFFSET));
  }

  private void write(long command) {
    registers.write(GcmdReg.LAYOUT, GcmdReg.OFFSET, command);
  }

  private void await(long mask, long expected, String what) {
    registers.await(GstsReg.LAYOUT, GstsReg.OFFSET, mask, expected, what);
  }
}
