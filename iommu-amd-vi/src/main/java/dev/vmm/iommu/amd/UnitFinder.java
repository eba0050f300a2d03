package dev.vmm.iommu.amd;

import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.ivrs.UnitMap;
import dev.vmm.iommu.amd.unit.AmdUnit;
import dev.vmm.iommu.support.UnitLocator;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the unit of a requester id. The IVRS table speaks of ids, not of paths, so that an id's
 * unit never changes, whatever is plugged. Immutable and thread-safe.
 */
final class UnitFinder implements UnitLocator {
  private final UnitMap map;
  private final Map<Rid, AmdUnit> units;

  /**
   * Makes it.
   *
   * @param units each under its own requester id
   */
  UnitFinder(UnitMap map, Map<Rid, AmdUnit> units) {
    this.map = map;
    this.units = Map.copyOf(units);
  }

  @Override
  public @Nullable AmdUnit find(Rid rid) {
    Ivhd ivhd = map.unitOf(rid).orElse(null);
    return ivhd == null ? null : units.get(ivhd.rid());
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
}
