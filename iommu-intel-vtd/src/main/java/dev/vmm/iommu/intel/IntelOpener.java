package dev.vmm.iommu.intel;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.unit.Unit;
import dev.vmm.iommu.intel.unit.UnitCheck;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.UnitsIommu;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.tunable.Tunable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes all units of a machine over, or none. Used once. */
final class IntelOpener {
  private static final Logger LOG = LoggerFactory.getLogger(IntelOpener.class);

  private final Machine machine;
  private final DmarTable table;
  private final boolean queued;
  private final List<Tunable<?>> forbidding;
  private final long timeoutNanos;

  /** Reads the tunables; EINVAL if one is malformed. */
  IntelOpener(IommuContext context, DmarTable table) {
    this.machine = context.machine();
    this.table = table;
    this.queued = context.tunables().get(IntelTunables.QUEUED_INVALIDATION);
    this.forbidding = IntelTunables.forbiddingInterruptRemapping(context.tunables());
    this.timeoutNanos =
        TimeUnit.MILLISECONDS.toNanos(context.tunables().get(IntelTunables.TIMEOUT_MS));
  }

  /** Returns the name of the n-th unit of the table. */
  static String unitName(int index) {
    return "vtd" + index;
  }

  Iommu open() {
    refuseImpossibleRegisters();
    List<Unit> units = new ArrayList<>();
    try {
      for (int i = 0; i < table.drhds().size(); i++) {
        units.add(open(unitName(i), table.drhds().get(i)));
      }
      UnitFinder finder = new UnitFinder(table, machine.pci(), units);
      finder.problems().forEach(problem -> LOG.warn("{}", problem));
      boolean interrupts = new InterruptPlan(machine, table, units, finder).apply(forbidding);
      return new UnitsIommu(
          "VT-d", units, UnitFacts.of(table, units, interrupts), finder, machine.memory());
    } catch (RuntimeException e) {
      UnitsIommu.giveUp(units, e);
      throw e;
    }
  }

  private Unit open(String name, Drhd drhd) {
    RegisterBlock block;
    try {
      block = machine.registers(drhd.registerBaseHpa(), drhd.registerBytes());
    } catch (VmmException e) {
      throw new VmmException(
          Errno.ENOTSUP,
          String.format(
              Locale.ROOT,
              "unit %s (DMAR offset 0x%x DRHD) cannot have its registers at 0x%x: %s",
              name,
              drhd.offset(),
              drhd.registerBaseHpa(),
              e.getMessage()),
          e);
    }
    UnitRegisters registers =
        new UnitRegisters(
            name, block, timeoutNanos, IntelTunables.TIMEOUT_MS.name(), IntelOpener::logWrite);
    CapReg cap = new CapReg(registers.read(CapReg.LAYOUT, CapReg.OFFSET));
    EcapReg ecap = new EcapReg(registers.read(EcapReg.LAYOUT, EcapReg.OFFSET));
    UnitCheck.check(drhd, registers, cap, ecap);
    return new Unit(drhd, registers, cap, ecap, machine.memory(), queued);
  }

  private static void logWrite(String unit, Layout layout, long offset, long value) {
    if (LOG.isDebugEnabled()) {
      LOG.debug("{}: write 0x{} {}", unit, Long.toHexString(offset), layout.describe(value));
    }
  }

  /**
   * Two descriptions of one unit would each take it for their own, and writes to registers that lie
   * in RAM would destroy what is there.
   */
  private void refuseImpossibleRegisters() {
    List<Drhd> seen = new ArrayList<>();
    for (Drhd drhd : table.drhds()) {
      AddressRange registers = registers(drhd);
      for (AddressRange ram : machine.memory().ram()) {
        if (ram.overlaps(registers)) {
          throw impossible(drhd, "in RAM at " + ram);
        }
      }
      for (Drhd other : seen) {
        if (registers(other).overlaps(registers)) {
          throw impossible(
              drhd,
              String.format(
                  Locale.ROOT,
                  "where the DRHD at offset 0x%x has its own, 0x%x",
                  other.offset(),
                  other.registerBaseHpa()));
        }
      }
      seen.add(drhd);
    }
  }

  private AddressRange registers(Drhd drhd) {
    long base = drhd.registerBaseHpa();
    if (base <= 0 || base % PhysicalMemory.PAGE_BYTES != 0) {
      throw impossible(drhd, "at an address that none can have");
    }
    return new AddressRange(base, drhd.registerBytes());
  }

  private VmmException impossible(Drhd drhd, String where) {
    return new VmmException(
        Errno.ENOTSUP,
        String.format(
            Locale.ROOT,
            "the DMAR table (%s) puts the 0x%x register bytes of a unit at 0x%x (DRHD at offset 0x%x), %s: expected"
                + " whole pages that belong to that unit alone; the firmware's table is damaged: update the firmware",
            table.origin(),
            drhd.registerBytes(),
            drhd.registerBaseHpa(),
            drhd.offset(),
            where));
  }
}
