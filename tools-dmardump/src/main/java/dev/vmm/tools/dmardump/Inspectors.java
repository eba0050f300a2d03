package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.inspect.IommuInspector;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import dev.vmm.tools.dmardump.input.Input;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeSet;

/**
 * The readers of tables and units that the back ends on the path bring along. Immutable and
 * thread-safe.
 */
public final class Inspectors {
  private final List<IommuInspector> inspectors;
  private final List<String> warnings;

  private Inspectors(List<IommuInspector> inspectors, List<String> warnings) {
    this.inspectors = List.copyOf(inspectors);
    this.warnings = List.copyOf(warnings);
  }

  /** Loads every back end, each on its own: a broken one is a warning, and the others go on. */
  public static Inspectors load() {
    return load(Optional.empty());
  }

  /**
   * Loads every back end of the path, and of the jars in a folder.
   *
   * @throws VmmException ENOENT if the folder cannot be read
   */
  static Inspectors load(Optional<Path> folder) {
    List<IommuInspector> inspectors = new ArrayList<>();
    List<String> warnings =
        BackEnds.forEach(
            folder.map(BackEnds::in).orElseGet(() -> ServiceLoader.load(IommuProvider.class)),
            provider -> provider.inspector().ifPresent(inspectors::add));
    return new Inspectors(inspectors, warnings);
  }

  /** Returns a sentence for each back end that could not be loaded. */
  public List<String> warnings() {
    return warnings;
  }

  /** Returns the signatures of the tables that can be decoded, sorted. */
  public List<String> signatures() {
    TreeSet<String> signatures = new TreeSet<>();
    inspectors.forEach(inspector -> signatures.addAll(inspector.signatures()));
    return List.copyOf(signatures);
  }

  /**
   * Returns the reader of this table.
   *
   * @throws VmmException EINVAL if there is none; the message lists the known signatures
   */
  public IommuInspector forTable(AcpiTable table) {
    return find(table)
        .orElseThrow(
            () ->
                VmmException.invalid(
                    "%s has the signature \"%s\" at offset 0x0: expected %s; name a raw ACPI table of an I/O MMU",
                    table.origin(),
                    table.signature(),
                    signatures().isEmpty()
                        ? "one that a back end decodes, but no back end is on the path"
                        : String.join(" or ", signatures())));
  }

  /** Returns the reader of this table, if there is one. */
  public Optional<IommuInspector> find(AcpiTable table) {
    for (IommuInspector inspector : inspectors) {
      if (inspector.signatures().contains(table.signature())) {
        return Optional.of(inspector);
      }
    }
    return Optional.empty();
  }

  /**
   * Returns the tables of an input that can be decoded.
   *
   * @throws VmmException ENXIO if none of its tables can be decoded; a single one of another kind
   *     is returned, for {@link #forTable} to refuse
   */
  public List<AcpiTable> known(Input.Tables input) {
    List<AcpiTable> known = new ArrayList<>();
    for (AcpiTable table : input.tables()) {
      if (input.single() || find(table).isPresent()) {
        known.add(table);
      }
    }
    if (known.isEmpty()) {
      throw VmmException.of(
          Errno.ENXIO,
          "%s describes no I/O MMU: none of its %d tables (%s) is one that a back end here decodes (%s)",
          input.name(),
          input.tables().size(),
          String.join(
              ", ", new TreeSet<>(input.tables().stream().map(AcpiTable::signature).toList())),
          String.join(", ", signatures()));
    }
    return known;
  }

  /**
   * Reads every unit of a machine; empty if its firmware describes none that a back end here knows.
   *
   * @throws VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public List<UnitReport> inspect(Machine machine) {
    List<UnitReport> reports = new ArrayList<>();
    inspectors.forEach(inspector -> reports.addAll(inspector.inspect(machine)));
    return List.copyOf(reports);
  }

  /**
   * Follows one address of one requester id; empty if no unit that a back end here knows serves it.
   *
   * @throws VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public Optional<WalkReport> walk(Machine machine, Rid rid, long iova) {
    return inspectors.stream()
        .flatMap(inspector -> inspector.walk(machine, rid, iova).stream())
        .findFirst();
  }
}
