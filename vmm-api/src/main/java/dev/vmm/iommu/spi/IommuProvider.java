package dev.vmm.iommu.spi;

import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Optional;

/**
 * A back end: knows one kind of I/O MMU. Found with {@link java.util.ServiceLoader}; has a public
 * constructor without parameters that does nothing. Stateless and thread-safe.
 */
public interface IommuProvider {
  /** The version of this interface. It changes when an older back end can no longer work. */
  int SPI_VERSION = 1;

  /**
   * Returns the version that the back end was compiled for: {@code return
   * IommuProvider.SPI_VERSION;} (the compiler puts the number in). A version other than the
   * platform's is refused by name.
   */
  int spiVersion();

  /** Returns a short lower-case name, unique among back ends, such as {@code intel-vtd}. */
  String name();

  /**
   * Returns the rank among back ends that are present on the same machine: the highest wins, equal
   * ones are an error. The platform's own have 100.
   */
  default int priority() {
    return 100;
  }

  /** Returns the tunables that this back end reads. */
  default List<Tunable<?>> tunables() {
    return List.of();
  }

  /**
   * Returns those of its {@link #tunables} by whose present values this back end does not let units
   * do what they may be able to do. A verdict and a refusal name them, and do not blame firmware or
   * the units, whose say {@link #survey} has.
   *
   * @throws dev.vmm.VmmException EINVAL if one that it asks is malformed
   */
  default List<Tunable<?>> forbidding(IommuSurvey.Ability ability, Tunables tunables) {
    return List.of();
  }

  /**
   * Looks for units in the firmware's tables only: reads and writes no register.
   *
   * @return present, or absent with the reason; a damaged table is a reason
   */
  ProbeResult probe(Machine machine);

  /**
   * Takes the units over, translation still off.
   *
   * @throws dev.vmm.VmmException ENXIO if there is none; EBUSY if a unit is enabled already, so
   *     that somebody else owns it; ENOTSUP if a unit cannot be driven; EIO, ETIMEDOUT or ENOMEM.
   *     Nothing is left changed then.
   */
  Iommu open(IommuContext context);

  /**
   * Returns the reader of tables and units, which {@code dmardump} renders, if this back end has
   * one.
   */
  default Optional<IommuInspector> inspector() {
    return Optional.empty();
  }

  /**
   * Reads firmware's tables, for an answer before {@link #open}. Like {@link #probe}, this touches
   * no register and writes nothing.
   *
   * @return empty if this back end cannot say, or {@link #probe} finds nothing
   * @throws dev.vmm.VmmException only if the machine does not answer
   */
  default Optional<IommuSurvey> survey(Machine machine) {
    return Optional.empty();
  }
}
