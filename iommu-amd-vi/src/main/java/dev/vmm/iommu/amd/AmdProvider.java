package dev.vmm.iommu.amd;

import com.google.auto.service.AutoService;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.ivrs.IvrsTable;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunable;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The back end for AMD-Vi units, which firmware describes in the IVRS table. */
@AutoService(IommuProvider.class)
public final class AmdProvider implements IommuProvider {
  static final String IVRS = "IVRS";

  /** Does nothing, as {@link java.util.ServiceLoader} wants it. */
  public AmdProvider() {}

  @Override
  public int spiVersion() {
    return IommuProvider.SPI_VERSION;
  }

  @Override
  public String name() {
    return "amd-vi";
  }

  @Override
  public List<Tunable<?>> tunables() {
    return AmdTunables.ALL;
  }

  @Override
  public ProbeResult probe(Machine machine) {
    try {
      List<Ivhd> units = table(machine).units();
      String bases =
          units.stream()
              .map(unit -> String.format(Locale.ROOT, "0x%x", unit.registerBaseHpa()))
              .collect(Collectors.joining(", "));
      return new ProbeResult.Present(
          units.size(),
          String.format(
              Locale.ROOT,
              "%d AMD-Vi unit%s at %s",
              units.size(),
              units.size() == 1 ? "" : "s",
              bases));
    } catch (VmmException e) {
      return new ProbeResult.Absent(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Iommu open(IommuContext context) {
    return new AmdOpener(context, table(context.machine())).open();
  }

  @Override
  public Optional<IommuInspector> inspector() {
    return Optional.of(new AmdInspector());
  }

  @Override
  public Optional<IommuSurvey> survey(Machine machine) {
    IvrsTable table;
    try {
      table = table(machine);
    } catch (VmmException e) {
      return Optional.empty();
    }
    return Optional.of(new AmdSurvey(machine, table));
  }

  /** Returns the table if it describes a unit; ENXIO with the reason if not. */
  static IvrsTable table(Machine machine) {
    AcpiTable raw =
        machine.acpi().find(IVRS).orElseThrow(() -> new VmmException(Errno.ENXIO, "no IVRS table"));
    IvrsTable table;
    try {
      table = IvrsTable.parse(raw);
    } catch (VmmException e) {
      throw new VmmException(Errno.ENXIO, String.valueOf(e.getMessage()), e);
    }
    if (table.units().isEmpty()) {
      throw new VmmException(
          Errno.ENXIO,
          "the IVRS table ("
              + table.origin()
              + ") describes no unit: expected at least one IVHD; enable the IOMMU in the firmware's set-up");
    }
    return table;
  }
}
