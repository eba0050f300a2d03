package dev.vmm.iommu.amd;

import dev.vmm.iommu.amd.structs.HostPageFormat;
import dev.vmm.iommu.amd.unit.AmdUnit;
import dev.vmm.iommu.support.CommonFacts;
import java.util.List;

/** What all units of a machine agree on. */
final class UnitFacts {
  /** 4 KiB, 2 MiB and 1 GiB: the default pages of the three lowest levels, which every unit has. */
  private static final long PAGE_SIZES = 0x4020_1000L;

  private UnitFacts() {}

  static CommonFacts of(List<AmdUnit> units, boolean interruptRemapping) {
    return new CommonFacts(
        new HostPageFormat(PAGE_SIZES),
        AmdUnit.MAX_DOMAINS,
        units.stream().allMatch(unit -> unit.config().coherent()),
        units.stream().anyMatch(unit -> unit.config().notPresentCached()),
        interruptRemapping);
  }
}
