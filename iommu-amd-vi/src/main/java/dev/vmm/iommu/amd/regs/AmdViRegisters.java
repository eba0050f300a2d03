package dev.vmm.iommu.amd.regs;

import dev.vmm.bits.Layout;
import java.util.ArrayList;
import java.util.List;

/**
 * Where each register of a unit is. Reading one has no effect on the unit. Source: AMD 48882 rev 3,
 * "IOMMU MMIO Registers". Stateless.
 */
public final class AmdViRegisters {
  /**
   * One register.
   *
   * @param layout its bits
   * @param offset in bytes from the unit's base
   */
  public record Register(Layout layout, long offset) {}

  private AmdViRegisters() {}

  /** Returns the registers that a unit with these features has, by offset. */
  public static List<Register> of(EfrReg efr) {
    List<Register> all = new ArrayList<>();
    add(all, DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET, true);
    add(all, CmdBufBaseReg.LAYOUT, CmdBufBaseReg.OFFSET, true);
    add(all, EventLogBaseReg.LAYOUT, EventLogBaseReg.OFFSET, true);
    add(all, ControlReg.LAYOUT, ControlReg.OFFSET, true);
    add(all, ExclBaseReg.LAYOUT, ExclBaseReg.OFFSET, true);
    add(all, ExclLimitReg.LAYOUT, ExclLimitReg.OFFSET, true);
    add(all, EfrReg.LAYOUT, EfrReg.OFFSET, true);
    add(all, PprLogBaseReg.LAYOUT, PprLogBaseReg.OFFSET, efr.pprSup());
    add(all, HwEventHighReg.LAYOUT, HwEventHighReg.OFFSET, efr.heSup());
    add(all, HwEventLowReg.LAYOUT, HwEventLowReg.OFFSET, efr.heSup());
    add(all, HwEventStatusReg.LAYOUT, HwEventStatusReg.OFFSET, efr.heSup());
    for (int i = 0; i < efr.smiFilters(); i++) {
      add(all, SmiFilterReg.LAYOUT, SmiFilterReg.OFFSET + 8L * i, true);
    }
    add(all, GaLogBaseReg.LAYOUT, GaLogBaseReg.OFFSET, efr.gaSup());
    add(all, GaLogTailAddressReg.LAYOUT, GaLogTailAddressReg.OFFSET, efr.gaSup());
    int segments = 1 << efr.devTblSegSup();
    for (int i = 1; i < segments; i++) {
      add(all, DevTabSegmentBaseReg.LAYOUT, DevTabSegmentBaseReg.OFFSET + 8L * (i - 1), true);
    }
    add(all, Efr2Reg.LAYOUT, Efr2Reg.OFFSET, efr.raw() != 0);
    add(all, CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET, true);
    add(all, CmdBufTailReg.LAYOUT, CmdBufTailReg.OFFSET, true);
    add(all, EventLogHeadReg.LAYOUT, EventLogHeadReg.OFFSET, true);
    add(all, EventLogTailReg.LAYOUT, EventLogTailReg.OFFSET, true);
    add(all, StatusReg.LAYOUT, StatusReg.OFFSET, true);
    add(all, PprLogHeadReg.LAYOUT, PprLogHeadReg.OFFSET, efr.pprSup());
    add(all, PprLogTailReg.LAYOUT, PprLogTailReg.OFFSET, efr.pprSup());
    add(all, GaLogHeadReg.LAYOUT, GaLogHeadReg.OFFSET, efr.gaSup());
    add(all, GaLogTailReg.LAYOUT, GaLogTailReg.OFFSET, efr.gaSup());
    return all;
  }

  private static void add(List<Register> all, Layout layout, long offset, boolean present) {
    if (present) {
      all.add(new Register(layout, offset));
    }
  }
}
