package dev.vmm.iommu.amd.unit;

import dev.vmm.bits.Field;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.support.UnitRegisters;

/**
 * The only writer of the control register: one bit at a time, with all others as they are, and read
 * back: what the driver relies on must hold. How the unit's own requests are to go (Isoc, Coherent,
 * PassPW, ResPassPW, InvTimeOut) is a wish, which many units have wired to what suits them.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: 48882 rev 3, "IOMMU Control Register".
 */
final class ControlRegister {
  /** What is on, and what the unit may write to memory by itself. */
  private static final long FUNCTIONS =
      ControlReg.IOMMU_EN.mask()
          | ControlReg.CMD_BUF_EN.mask()
          | ControlReg.EVENT_LOG_EN.mask()
          | ControlReg.DUAL_EVENT_LOG_EN.mask()
          | ControlReg.PPR_LOG_EN.mask()
          | ControlReg.DUAL_PPR_LOG_EN.mask()
          | ControlReg.GA_LOG_EN.mask()
          | ControlReg.V_IOMMU_EN.mask()
          | ControlReg.V_CMD_EN.mask();

  /** By which format it reads tables, and what passes them by. */
  private static final long TABLES =
      ControlReg.DEV_TBL_SEG_EN.mask()
          | ControlReg.GA_EN.mask()
          | ControlReg.GAM_EN.mask()
          | ControlReg.XT_EN.mask()
          | ControlReg.NUM_INT_REMAP_MODE.mask()
          | ControlReg.MARC_EN.mask()
          | ControlReg.SMI_F_EN.mask();

  private final UnitRegisters registers;

  ControlRegister(UnitRegisters registers) {
    this.registers = registers;
  }

  /** Returns what it holds; EIO if the unit is gone. */
  long value() {
    return registers.readAlive(ControlReg.LAYOUT, ControlReg.OFFSET);
  }

  boolean isOn(Field bit) {
    return bit.isSet(value());
  }

  void turnOn(Field bit) {
    set(value() | bit.mask());
  }

  void turnOff(Field bit) {
    set(value() & ~bit.mask());
  }

  /** Writes all of it, to a unit that is off. */
  void set(long value) {
    registers.write(ControlReg.LAYOUT, ControlReg.OFFSET, value);
    // A write that was lost would leave a unit off that is taken for on, or on for off.
    registers.requireHolds(ControlReg.LAYOUT, ControlReg.OFFSET, relied(value), value);
  }

  /** Returns the bits of a value that must hold; HtTunEn only if it is set: more is translated. */
  static long relied(long value) {
    return FUNCTIONS | TABLES | (value & ControlReg.HT_TUN_EN.mask());
  }
}
