package dev.vmm.iommu.intel;

import com.google.auto.service.AutoService;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The back end for Intel VT-d units, which firmware describes in the DMAR table. */
@AutoService(IommuProvider.class)
public final class IntelProvider implements IommuProvider {
  static final String DMAR = "DMAR";

  /** Does nothing, as {@link java.util.ServiceLoader} wants it. */
  public IntelProvider() {}

  @Override
  public int spiVersion() {
    return IommuProvider.SPI_VERSION;
  }

  @Override
  public String name() {
    return "intel-vtd";
  }

  @Override
  public List<Tunable<?>> tunables() {
    return IntelTunables.ALL;
  }

  @Override
  public List<Tunable<?>> forbidding(IommuSurvey.Ability ability, Tunables tunables) {
    return ability == IommuSurvey.Ability.INTERRUPT_REMAPPING
        ? IntelTunables.forbiddingInterruptRemapping(tunables)
        : List.of();
  }

  @Override
  public ProbeResult probe(Machine machine) {
    try {
      List<Drhd> drhds = table(machine).drhds();
      String bases =
          drhds.stream()
              .map(drhd -> String.format(Locale.ROOT, "0x%x", drhd.registerBaseHpa()))
              .collect(Collectors.joining(", "));
      return new ProbeResult.Present(
          drhds.size(),
          String.format(
              Locale.ROOT,
              "%d VT-d unit%s at %s",
              drhds.size(),
              drhds.size() == 1 ? "" : "s",
              bases));
    } catch (VmmException e) {
      return new ProbeResult.Absent(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Iommu open(IommuContext context) {
    return new IntelOpener(context, table(context.machine())).open();
  }

  @Override
  public Optional<IommuInspector> inspector() {
    return Optional.of(new IntelInspector());
  }

  @Override
  public Optional<IommuSurvey> survey(Machine machine) {
    DmarTable table;
    try {
      table = table(machine);
    } catch (VmmException e) {
      return Optional.empty();
    }
    return Optional.of(new IntelSurvey(machine, table));
  }

  /** Returns the table if it describes a unit; ENXIO with the reason if not. */
  static DmarTable table(Machine machine) {
    AcpiTable raw =
        machine.acpi().find(DMAR).orElseThrow(() -> new VmmException(Errno.ENXIO, "no DMAR table"));
    DmarTable table;
    try {
      table = DmarTable.parse(raw);
    } catch (VmmException e) {
      throw new VmmException(Errno.ENXIO, String.valueOf(e.getMessage()), e);
    }
    if (table.drhds().isEmpty()) {
      throw new VmmException(
          Errno.ENXIO,
          "the DMAR table ("
              + table.origin()
              + ") describes no unit: expected at least one DRHD; enable VT-d in the firmware's set-up");
    }
    return table;
  }
}
