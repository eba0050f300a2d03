package dev.vmm.iommu.amd;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.amd.inspect.UnitReader;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.ivrs.IvrsReporter;
import dev.vmm.iommu.amd.ivrs.IvrsTable;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads IVRS tables and AMD-Vi units back. Stateless and thread-safe. */
final class AmdInspector implements IommuInspector {
  private static final String IVRS = "IVRS";

  @Override
  public Set<String> signatures() {
    return Set.of(IVRS);
  }

  @Override
  public TableReport decode(AcpiTable table) {
    return IvrsReporter.report(table);
  }

  @Override
  public List<UnitReport> inspect(Machine machine) {
    Optional<AcpiTable> raw = machine.acpi().find(IVRS);
    if (raw.isEmpty()) {
      return List.of();
    }
    List<Ivhd> found;
    try {
      found = IvrsTable.parse(raw.get()).units();
    } catch (VmmException e) {
      // A table that cannot be trusted describes no unit; decode() tells what is wrong with it.
      return List.of();
    }
    List<UnitReport> units = new ArrayList<>();
    for (int i = 0; i < found.size(); i++) {
      units.add(new UnitReader(unitName(i), found.get(i), machine).read());
    }
    return units;
  }

  /** Returns the name of the unit that the table describes at this place. */
  static String unitName(int index) {
    return "amdvi" + index;
  }
}
