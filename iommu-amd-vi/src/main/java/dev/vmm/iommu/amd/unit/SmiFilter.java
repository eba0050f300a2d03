package dev.vmm.iommu.amd.unit;

import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.SmiFilterReg;
import dev.vmm.iommu.support.UnitRegisters;

/**
 * Which devices may send system management interrupts. No device table entry stops a message of
 * that kind: with the filter off all pass, with it on only those of the ids in the filter
 * registers.
 *
 * <p>Only firmware knows who must send them on this machine, and fills the registers in. So they
 * are left as they are, and the filter is on where firmware turned it on or named a device. Without
 * a device it stays off: it would stop what firmware itself lives by.
 *
 * <p>Stateless. Source: 48882 rev 3, "SMI Filter Registers", "IOMMU Control Register" (SmiFEn,
 * SmiFLogEn), "IOMMU Extended Feature Register" (SmiFSup, SmiFRC).
 */
final class SmiFilter {
  private SmiFilter() {}

  /**
   * Returns the bits of the control register that are to be set. Reads the filter registers.
   *
   * @param filters how many there are
   * @param firmware what the control register held
   */
  static long control(UnitRegisters registers, int filters, long firmware) {
    long bits = ControlReg.SMI_F_EN.mask() | ControlReg.SMI_F_LOG_EN.mask();
    for (int i = 0; i < filters; i++) {
      long filter =
          registers.readAlive(SmiFilterReg.LAYOUT, SmiFilterReg.OFFSET + (long) i * Long.BYTES);
      if (SmiFilterReg.SMI_DV.isSet(filter)) {
        return bits;
      }
    }
    return filters == 0 ? 0 : firmware & bits;
  }
}
