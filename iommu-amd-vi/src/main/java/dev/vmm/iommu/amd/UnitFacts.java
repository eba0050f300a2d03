package dev.vmm.iommu.amd;

import dev.vmm.AddressRange;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.amd.structs.HostPageFormat;
import dev.vmm.iommu.amd.unit.AmdUnit;
import dev.vmm.iommu.support.CommonFacts;
import dev.vmm.iommu.support.SpecialAddresses;
import java.util.List;

/** What all units of a machine agree on. */
final class UnitFacts {
  /** 4 KiB, 2 MiB and 1 GiB: the default pages of the three lowest levels, which every unit has. */
  private static final long PAGE_SIZES = 0x4020_1000L;

  /** What {@link UnitFinder} and {@link AmdSurvey} look for, after "expected". */
  static final String EXPECTED_UNIT = "an IVHD of the IVRS table that covers it";

  /**
   * What no domain may map: interrupts, and what HyperTransport keeps below 1 TiB for interrupts,
   * system management, port I/O and configuration.
   */
  static final List<UntranslatedRange> UNTRANSLATED =
      List.of(
          SpecialAddresses.interruptWindow(
              "AMD 48882 rev 3, \"IOMMU Logical Topology\", table \"Special Address Controls (GPA)\""),
          new UntranslatedRange(
              AddressRange.between(0xfd_0000_0000L, 0x100_0000_0000L),
              "HyperTransport keeps it for interrupts, system management, port I/O and configuration (AMD 48882 rev 3,"
                  + " \"IOMMU Logical Topology\", table \"Special Address Controls (GPA)\")"));

  private UnitFacts() {}

  static CommonFacts of(List<AmdUnit> units, boolean interruptRemapping) {
    return of(
        units.stream().allMatch(unit -> unit.config().coherent()),
        units.stream().anyMatch(unit -> unit.config().notPresentCached()),
        interruptRemapping);
  }

  /**
   * Returns the facts of units of which all snoop or not, and one remembers what was not present or
   * none does.
   */
  static CommonFacts of(boolean coherent, boolean notPresentCached, boolean interruptRemapping) {
    return new CommonFacts(
        new HostPageFormat(PAGE_SIZES),
        AmdUnit.MAX_DOMAINS,
        coherent,
        notPresentCached,
        interruptRemapping);
  }
}
