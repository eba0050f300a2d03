package dev.vmm.iommu.intel;

import dev.vmm.VmmException;
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
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the unit of a requester id. Thread-safe.
 *
 * <p>A look at the whole bus costs thousands of accesses, and an id that is no function's own, as
 * what a bridge puts in place, is asked for again and again. It is looked for once more only when
 * it may have come to be one: a function answers there, or some PF has other VFs than at the last
 * look, of which an id's own config space tells nothing.
 */
final class UnitFinder implements UnitLocator {
  private static final Logger LOG = LoggerFactory.getLogger(UnitFinder.class);
  private static final int NOBODY = 0xffff;

  private final UnitMap map;
  private final PciBus pci;
  private final boolean scopesDecide;
  private final Map<Integer, Unit> byOffset = new HashMap<>();
  private final Map<Rid, Rid> physicalFunctions = new HashMap<>();

  /** Ids that were looked for and are no function's own. */
  private final Set<Rid> nobodys = new HashSet<>();

  /** Every function that was ever seen to be able to have VFs. */
  private final Map<Rid, PfVfs> pfs = new HashMap<>();

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
      owner = lookFor(rid);
    }
    Drhd drhd = map.unitOf(owner).orElse(null);
    return drhd == null ? null : byOffset.get(drhd.offset());
  }

  /** A function that is not known yet may be a new VF, which is in its PF's scope. */
  private Rid lookFor(Rid rid) {
    try {
      if (!nobodys.contains(rid) || mayHaveComeToBe(rid)) {
        look();
      }
    } catch (VmmException e) {
      if (!nobodys.contains(rid)) {
        throw e;
      }
      // What was nobody's before is not kept where it is by a bus that does not answer.
      LOG.debug("{} was no function's own id at the last look", rid, e);
    }
    Rid owner = physicalFunctions.get(rid);
    if (owner == null) {
      nobodys.add(rid);
      return rid;
    }
    return owner;
  }

  private boolean mayHaveComeToBe(Rid rid) {
    return pci.config(rid).read16(0) != NOBODY || pfs.values().stream().anyMatch(PfVfs::changed);
  }

  private void look() {
    // By what was before: VFs that come to be meanwhile may be missed, and are for the next look.
    Map<PfVfs, Long> before = new HashMap<>();
    pfs.values().forEach(pf -> before.put(pf, pf.now()));
    for (PciFunction function : pci.functions()) {
      physicalFunctions.put(function.rid(), function.physicalFunction().orElse(function.rid()));
      PfVfs.of(function).ifPresent(pf -> pfs.merge(function.rid(), pf, PfVfs::sameOrNew));
    }
    before.forEach(PfVfs::looked);
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
