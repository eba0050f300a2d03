package dev.vmm.iommu.intel;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.intel.dmar.DmarReporter;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.inspect.UnitReader;
import dev.vmm.machine.Machine;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads DMAR tables and VT-d units back. Stateless and thread-safe. */
final class IntelInspector implements IommuInspector {
  @Override
  public Set<String> signatures() {
    return Set.of(IntelProvider.DMAR);
  }

  @Override
  public TableReport decode(AcpiTable table) {
    return DmarReporter.report(table);
  }

  @Override
  public List<UnitReport> inspect(Machine machine) {
    Optional<AcpiTable> raw = machine.acpi().find(IntelProvider.DMAR);
    if (raw.isEmpty()) {
      return List.of();
    }
    DmarTable table;
    try {
      table = DmarTable.parse(raw.get());
    } catch (VmmException e) {
      // A table that cannot be trusted describes no unit; decode() tells what is wrong with it.
      return List.of();
    }
    List<UnitReport> units = new ArrayList<>();
    for (int i = 0; i < table.drhds().size(); i++) {
      units.add(
          new UnitReader(
                  IntelOpener.unitName(i), table.drhds().get(i), table.hostAddressWidth(), machine)
              .read());
    }
    return units;
  }
}
