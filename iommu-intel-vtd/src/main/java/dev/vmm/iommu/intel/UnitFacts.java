package dev.vmm.iommu.intel;

import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.structs.SecondStageFormat;
import dev.vmm.iommu.intel.unit.Unit;
import dev.vmm.iommu.support.CommonFacts;
import java.util.List;

/** What all VT-d units agree on. */
final class UnitFacts {
  /** The widest host address that a second-stage entry holds, in bits. */
  private static final int ENTRY_HPA_BITS = 52;

  private UnitFacts() {}

  /**
   * Says it.
   *
   * @param interrupts whether all remap interrupts
   */
  static CommonFacts of(DmarTable table, List<Unit> units, boolean interrupts) {
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
