package dev.vmm.iommu.intel;

import dev.vmm.VmmException;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.structs.SecondStageFormat;
import dev.vmm.iommu.intel.unit.Unit;
import java.util.List;

/** What all units agree on, and which tables suit most of them. Immutable. */
final class UnitFacts {
  /** The widest host address that a second-stage entry holds, in bits. */
  private static final int ENTRY_HPA_BITS = 52;

  private final List<Unit> units;
  private final boolean coherent;
  private final boolean rememberOrBuffer;
  private final SecondStageFormat format;
  private final IommuCapabilities capabilities;

  UnitFacts(DmarTable table, List<Unit> units) {
    this.units = List.copyOf(units);
    this.coherent = units.stream().allMatch(unit -> unit.ecap().c());
    this.rememberOrBuffer = units.stream().anyMatch(unit -> unit.cap().cm() || unit.cap().rwbf());
    long pageSizes =
        units.stream().mapToLong(unit -> unit.cap().pageSizes()).reduce(-1L, (a, b) -> a & b);
    int hpaBits = Math.min(ENTRY_HPA_BITS, table.hostAddressWidth());
    boolean snoop = units.stream().allMatch(unit -> unit.ecap().sc());
    this.format = new SecondStageFormat(hpaBits, pageSizes, snoop);
    int widest = 0;
    for (int levels = 3; levels <= 5; levels++) {
      for (Unit unit : units) {
        widest = Math.max(widest, unit.reachBits(levels));
      }
    }
    this.capabilities =
        new IommuCapabilities(
            widest,
            hpaBits,
            pageSizes,
            units.stream()
                .mapToLong(unit -> unit.cap().numDomains().domains() - 1L)
                .min()
                .orElse(0),
            coherent,
            table.interruptRemapping() && units.stream().allMatch(unit -> unit.ecap().ir()));
  }

  /** The levels of a new domain and the bits of its addresses. */
  record Shape(int levels, int widthBits) {}

  /**
   * Returns the tables that most units can walk up to this address; of those, the ones with the
   * fewest levels.
   *
   * @throws VmmException EINVAL if no unit reaches the address
   */
  Shape shapeFor(String name, long lastIova) {
    int needed = Math.max(1, Long.SIZE - Long.numberOfLeadingZeros(lastIova));
    Shape best = null;
    int bestUnits = 0;
    for (int levels = 3; levels <= 5; levels++) {
      int fit = 0;
      int width = bits(levels);
      for (Unit unit : units) {
        if (unit.reachBits(levels) >= needed) {
          fit++;
          width = Math.min(width, unit.reachBits(levels));
        }
      }
      if (fit > bestUnits) {
        bestUnits = fit;
        best = new Shape(levels, width);
      }
    }
    if (best == null) {
      throw VmmException.invalid(
          "domain %s cannot reach iova 0x%x: expected at most %d bits, what the VT-d units reach; give the domain less"
              + " memory or lower addresses",
          name, lastIova, capabilities.iovaBits());
    }
    return best;
  }

  /** Says whether a unit can walk a domain's tables, all of them. */
  static boolean fits(Unit unit, IntelDomain domain) {
    return unit.reachBits(domain.table().levels()) >= domain.widthBits();
  }

  private static int bits(int levels) {
    return 12 + 9 * levels;
  }

  SecondStageFormat format() {
    return format;
  }

  boolean coherent() {
    return coherent;
  }

  /** Says whether a unit remembers entries that are not present, or buffers the CPU's writes. */
  boolean rememberOrBuffer() {
    return rememberOrBuffer;
  }

  IommuCapabilities capabilities() {
    return capabilities;
  }
}
