package dev.vmm.iommu.intel.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.bits.Field;
import dev.vmm.iommu.intel.regs.GcmdReg;
import dev.vmm.iommu.intel.regs.GstsReg;
import dev.vmm.iommu.support.UnitRegisters;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The only writer of GCMD_REG. Every command is built from the status register less its one-shot
 * bits, changes one bit, and is waited for before the next: so that no write drops what is on or
 * starts an action again.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: VT-d r4.1, "Global Command Register".
 */
public final class GlobalCommand {
  private static final Logger LOG = LoggerFactory.getLogger(GlobalCommand.class);

  private final UnitRegisters registers;

  /** What the status must show once a command is done that may have been given; 0 for none. */
  private long pendingMask;

  private long pendingValue;

  /** Commands this unit. */
  public GlobalCommand(UnitRegisters registers) {
    this.registers = registers;
  }

  /** Returns the present status; EIO of a unit that is gone, which would seem to have all on. */
  public GstsReg status() {
    return new GstsReg(registers.readAlive(GstsReg.LAYOUT, GstsReg.OFFSET));
  }

  /** Turns a lasting function (TE, QIE, IRE...) on and waits until it is. */
  public void turnOn(Field bit) {
    give(lasting() | bit.mask(), bit.mask(), bit.mask(), "to set " + bit.name());
  }

  /** Turns a lasting function off and waits until it is. */
  public void turnOff(Field bit) {
    give(lasting() & ~bit.mask(), bit.mask(), 0, "to clear " + bit.name());
  }

  /** Makes the unit take RTADDR_REG over, and waits. */
  public void setRootTable() {
    long taken = GstsReg.RTPS.mask();
    give(lasting() | GcmdReg.SRTP.mask(), taken, taken, "to take the root table");
  }

  /** Makes the unit take IRTA_REG over, and waits. */
  public void setInterruptTable() {
    long taken = GstsReg.IRTPS.mask();
    give(lasting() | GcmdReg.SIRTP.mask(), taken, taken, "to take the interrupt-remapping table");
  }

  /** Flushes the unit's write buffers and waits. */
  public void flushWriteBuffer() {
    give(lasting() | GcmdReg.WBF.mask(), GstsReg.WBFS.mask(), 0, "to flush its write buffer");
  }

  /**
   * What is on, once the last command is done; of a unit that is gone all ones, which would turn
   * everything on.
   */
  private long lasting() {
    if (pendingMask != 0) {
      try {
        await(pendingMask, pendingValue, "before this one");
      } catch (VmmException e) {
        if (e.errno() != Errno.ETIMEDOUT) {
          throw e;
        }
        // It had its time, and more. What comes next may be all that turns the unit off.
        LOG.warn("{}: the next command is given before the last is done", registers.where(), e);
      }
      pendingMask = 0;
    }
    return GstsReg.persistentCommands(registers.readAlive(GstsReg.LAYOUT, GstsReg.OFFSET));
  }

  private void give(long command, long mask, long expected, String what) {
    pendingMask = mask;
    pendingValue = expected;
    registers.write(GcmdReg.LAYOUT, GcmdReg.OFFSET, command);
    await(mask, expected, what);
    pendingMask = 0;
  }

  private void await(long mask, long expected, String what) {
    registers.await(GstsReg.LAYOUT, GstsReg.OFFSET, mask, expected, what);
  }
}
