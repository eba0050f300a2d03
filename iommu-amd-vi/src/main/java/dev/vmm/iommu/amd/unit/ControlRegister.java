package dev.vmm.iommu.amd.unit;

import dev.vmm.bits.Field;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.support.UnitRegisters;

/**
 * The only writer of the control register: one bit at a time, with all others as they are, and read
 * back.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: 48882 rev 3, "IOMMU Control Register".
 */
final class ControlRegister {
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
    registers.requireHolds(ControlReg.LAYOUT, ControlReg.OFFSET, -1L, value);
  }
}
