package dev.vmm.iommu.intel;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.iommu.intel.dmar.DmarLint;
import dev.vmm.iommu.intel.dmar.DmarReporter;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.dmar.UnitMap;
import dev.vmm.iommu.intel.inspect.UnitReader;
import dev.vmm.iommu.intel.inspect.WalkReader;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads DMAR tables and VT-d units back. Stateless and thread-safe. */
final class IntelInspector implements IommuInspector {
  private static final Set<String> SIGNATURES = Set.of(IntelProvider.DMAR);

  @Override
  public Set<String> signatures() {
    return SIGNATURES;
  }

  @Override
  public TableReport decode(AcpiTable table) {
    return DmarReporter.report(table);
  }

  @Override
  public List<UnitReport> inspect(Machine machine) {
    Optional<DmarTable> found = table(machine);
    if (found.isEmpty()) {
      return List.of();
    }
    DmarTable table = found.get();
    List<UnitReport> units = new ArrayList<>();
    for (int i = 0; i < table.drhds().size(); i++) {
      units.add(
          new UnitReader(
                  IntelOpener.unitName(i), table.drhds().get(i), table.hostAddressWidth(), machine)
              .read());
    }
    return units;
  }

  @Override
  public Optional<WalkReport> walk(Machine machine, Rid rid, long iova) {
    return table(machine).flatMap(table -> walk(table, machine, rid, iova));
  }

  private static Optional<WalkReport> walk(DmarTable table, Machine machine, Rid rid, long iova) {
    UnitMap map = UnitMap.of(table, machine.pci());
    return machine
        .pci()
        .function(rid)
        .map(map::unitOf)
        .orElseGet(() -> map.unitOf(rid))
        .map(
            drhd ->
                WalkReader.walk(
                    IntelOpener.unitName(table.drhds().indexOf(drhd)),
                    drhd,
                    table.hostAddressWidth(),
                    machine,
                    rid,
                    iova));
  }

  @Override
  public List<Finding> lint(AcpiTable table, TableContext context) {
    return DmarLint.of(table, context);
  }

  /** A table that cannot be trusted describes no unit; decode() tells what is wrong with it. */
  private static Optional<DmarTable> table(Machine machine) {
    try {
      return machine.acpi().find(IntelProvider.DMAR).map(DmarTable::parse);
    } catch (VmmException e) {
      return Optional.empty();
    }
  }
}
