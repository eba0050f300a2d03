package dev.vmm.core;

import dev.vmm.core.policy.Obstacle;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PatientPci;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What firmware says of the I/O MMU, through the back end that fits, before anything is started.
 * Where the I/O MMU may not be used it loads and asks nothing. Thread-safe.
 */
final class Firmware {
  private final Machine machine;
  private final BackendDiscovery discovery;
  private final boolean disabled;

  /** Once asked for. */
  private volatile @Nullable Function<Rid, List<Rid>> aliases;

  Firmware(Machine machine, BackendDiscovery discovery, boolean disabled) {
    this.machine = machine;
    this.discovery = discovery;
    this.disabled = disabled;
  }

  /** Returns whether there is an I/O MMU that may be used. */
  Presence present() {
    return disabled
        ? new Presence(
            false,
            "",
            CoreTunables.IOMMU_ENABLE.name()
                + "=0 forbids it; set it to 1 and open the platform again")
        : discovery.select().presence();
  }

  /** Returns why there is none that may be used. */
  Optional<Obstacle> absence() {
    return disabled ? Optional.of(IommuPolicy.disabled()) : discovery.absence();
  }

  /** Returns what the back end says without being opened, if it can. */
  Optional<IommuSurvey> survey() {
    Backend backend = disabled ? null : discovery.select().backend();
    return backend == null ? Optional.empty() : survey(backend);
  }

  private Optional<IommuSurvey> survey(Backend backend) {
    return Spi.get(
        "asking back end " + backend.name() + " for firmware's tables",
        () -> backend.provider().survey(machine));
  }

  /** Returns a look-up of aliases in the tables, read once: they do not change. */
  Function<Rid, List<Rid>> aliases(Backend backend) {
    Function<Rid, List<Rid>> known = aliases;
    if (known == null) {
      Optional<IommuSurvey> survey = survey(backend);
      known =
          rid ->
              survey.isEmpty()
                  ? List.of()
                  : Spi.get(
                      "asking for firmware's aliases of " + rid, () -> survey.get().aliases(rid));
      aliases = known;
    }
    return known;
  }

  /** Looks at the buses. */
  PciTopology topology() {
    Backend backend = disabled ? null : discovery.select().backend();
    return PciTopology.of(
        new PatientPci(machine.pci()).functions(),
        backend == null ? rid -> List.of() : aliases(backend));
  }
}
