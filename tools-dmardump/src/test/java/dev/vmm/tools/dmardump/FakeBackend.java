package dev.vmm.tools.dmardump;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A third party's back end, for tables of the signature TEST; found with ServiceLoader. */
public final class FakeBackend implements IommuProvider {
  @Override
  public int spiVersion() {
    return SPI_VERSION;
  }

  @Override
  public String name() {
    return "fake";
  }

  @Override
  public ProbeResult probe(Machine machine) {
    return new ProbeResult.Absent("a test's");
  }

  @Override
  public Iommu open(IommuContext context) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<IommuInspector> inspector() {
    return Optional.of(new Inspector());
  }

  private static final class Inspector implements IommuInspector {
    @Override
    public Set<String> signatures() {
      return Set.of("TEST");
    }

    @Override
    public TableReport decode(AcpiTable table) {
      byte[] bytes = table.toBytes();
      List<String> problems =
          bytes.length > 36 && bytes[36] == 0x66 ? List.of("offset 0x24: an odd byte") : List.of();
      return new TableReport(
          table.signature(),
          table.origin(),
          table.lengthBytes(),
          table.checksumValid(),
          List.of(FieldReport.of("Revision", table.revision())),
          List.of(new StructureReport("BODY", 36, bytes.length - 36, List.of(), List.of())),
          problems);
    }

    @Override
    public List<UnitReport> inspect(Machine machine) {
      return List.of();
    }
  }
}
