package dev.vmm.iommu.amd;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.amd.inspect.UnitReader;
import dev.vmm.iommu.amd.inspect.WalkReader;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.ivrs.IvrsLint;
import dev.vmm.iommu.amd.ivrs.IvrsReporter;
import dev.vmm.iommu.amd.ivrs.IvrsTable;
import dev.vmm.iommu.amd.ivrs.UnitMap;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads IVRS tables and AMD-Vi units back. Stateless and thread-safe. */
final class AmdInspector implements IommuInspector {
  private static final String IVRS = "IVRS";

  private static final Set<String> SIGNATURES = Set.of(IVRS);

  @Override
  public Set<String> signatures() {
    return SIGNATURES;
  }

  @Override
  public TableReport decode(AcpiTable table) {
    return IvrsReporter.report(table);
  }

  @Override
  public List<UnitReport> inspect(Machine machine) {
    List<Ivhd> found = table(machine).map(IvrsTable::units).orElse(List.of());
    List<UnitReport> units = new ArrayList<>();
    for (int i = 0; i < found.size(); i++) {
      units.add(new UnitReader(unitName(i), found.get(i), machine).read());
    }
    return units;
  }

  @Override
  public Optional<WalkReport> walk(Machine machine, Rid rid, long iova) {
    return table(machine)
        .flatMap(
            table -> {
              UnitMap map = UnitMap.of(table);
              return map.unitOf(rid)
                  .map(
                      ivhd ->
                          WalkReader.walk(
                              unitName(table.units().indexOf(ivhd)),
                              ivhd,
                              machine,
                              rid,
                              map.aliasOf(rid),
                              iova));
            });
  }

  @Override
  public List<Finding> lint(AcpiTable table, TableContext context) {
    return IvrsLint.of(table, context);
  }

  /** A table that cannot be trusted describes no unit; decode() tells what is wrong with it. */
  private static Optional<IvrsTable> table(Machine machine) {
    try {
      return machine.acpi().find(IVRS).map(IvrsTable::parse);
    } catch (VmmException e) {
      return Optional.empty();
    }
  }

  /** Returns the name of the unit that the table describes at this place. */
  static String unitName(int index) {
    return "amdvi" + index;
  }
}
