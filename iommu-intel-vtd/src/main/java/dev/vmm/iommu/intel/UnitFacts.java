package dev.vmm.iommu.intel;

import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.structs.SecondStageFormat;
import dev.vmm.iommu.intel.unit.Unit;
import dev.vmm.iommu.support.CommonFacts;
import dev.vmm.iommu.support.SpecialAddresses;
import java.util.List;

/** What all VT-d units agree on. */
final class UnitFacts {
  /** The widest host address that a second-stage entry holds, in bits. */
  private static final int ENTRY_HPA_BITS = 52;

  /** What {@link UnitFinder} and {@link IntelSurvey} look for, after "expected". */
  static final String EXPECTED_UNIT = "a DRHD of the DMAR table that covers it";

  /** What no domain may map: the units take writes there for interrupts. */
  static final List<UntranslatedRange> UNTRANSLATED =
      List.of(
          SpecialAddresses.interruptWindow(
              "VT-d r4.1, \"Handling Requests to Interrupt Address Range\""));

  /** The two capability registers of a unit. */
  record Capable(CapReg cap, EcapReg ecap) {}

  private UnitFacts() {}

  /**
   * Says it.
   *
   * @param interrupts whether all remap interrupts
   */
  static CommonFacts of(DmarTable table, List<Unit> units, boolean interrupts) {
    return ofCapable(
        table,
        units.stream().map(unit -> new Capable(unit.cap(), unit.ecap())).toList(),
        interrupts);
  }

  static CommonFacts ofCapable(DmarTable table, List<Capable> units, boolean interrupts) {
    int hpaBits = Math.min(ENTRY_HPA_BITS, table.hostAddressWidth());
    long pageSizes =
        units.stream().mapToLong(unit -> unit.cap().pageSizes()).reduce(-1L, (a, b) -> a & b);
    boolean snoop = units.stream().allMatch(unit -> unit.ecap().sc());
    return new CommonFacts(
        new SecondStageFormat(hpaBits, pageSizes, snoop),
        units.stream().mapToLong(unit -> unit.cap().numDomains().domains() - 1L).min().orElse(0),
        units.stream().allMatch(unit -> unit.ecap().c()),
        units.stream().anyMatch(unit -> unit.cap().cm() || unit.cap().rwbf()),
        interrupts);
  }
}
