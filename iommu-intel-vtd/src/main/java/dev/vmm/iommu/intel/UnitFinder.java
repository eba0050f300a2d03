package dev.vmm.iommu.intel;

import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.dmar.UnitMap;
import dev.vmm.iommu.intel.unit.Unit;
import dev.vmm.iommu.support.UnitLocator;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds the unit of a requester id. Thread-safe. */
final class UnitFinder implements UnitLocator {
  private final UnitMap map;
  private final PciBus pci;
  private final boolean scopesDecide;
  private final Map<Integer, Unit> byOffset = new HashMap<>();
  private final Map<Rid, Rid> physicalFunctions = new HashMap<>();

  UnitFinder(DmarTable table, PciBus pci, List<Unit> units) {
    this.map = UnitMap.of(table, pci);
    this.pci = pci;
    // With one unit for everything nobody has to ask whose VF a function is.
    this.scopesDecide = table.drhds().stream().anyMatch(drhd -> !drhd.includeAll());
    for (Unit unit : units) {
      byOffset.put(unit.drhd().offset(), unit);
    }
  }

  @Override
  public synchronized @Nullable Unit find(Rid rid) {
    Rid owner = scopesDecide ? physicalFunctions.get(rid) : rid;
    if (owner == null) {
      // A function that is not known yet may be a new VF, which is in its PF's scope.
      for (PciFunction function : pci.functions()) {
        physicalFunctions.put(function.rid(), function.physicalFunction().orElse(function.rid()));
      }
      owner = physicalFunctions.getOrDefault(rid, rid);
    }
    Drhd drhd = map.unitOf(owner).orElse(null);
    return drhd == null ? null : byOffset.get(drhd.offset());
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return map.reservedRegions(rid);
  }

  @Override
  public List<UntranslatedRange> untranslatedRanges() {
    return UnitFacts.UNTRANSLATED;
  }

  @Override
  public String expected() {
    return UnitFacts.EXPECTED_UNIT;
  }

  List<String> problems() {
    return map.problems();
  }
}
