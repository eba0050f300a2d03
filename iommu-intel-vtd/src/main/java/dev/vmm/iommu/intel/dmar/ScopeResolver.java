package dev.vmm.iommu.intel.dmar;

import dev.vmm.pci.BusRange;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciPath;
import dev.vmm.pci.Rid;
import java.util.Optional;

/**
 * Says whom a device scope names: where its path ends, and what its type makes of that.
 *
 * <p>Reads config space and writes nothing, and answers with a reason instead of an exception; only
 * a machine that does not answer makes it throw what {@link PciBus#read} throws. As thread-safe as
 * the bus. Source: VT-d r4.1, "Device Scope Structure".
 */
public final class ScopeResolver {
  private final PciBus bus;

  /** What a scope turned out to name. */
  public sealed interface Resolution permits Resolved, Unresolved {}

  /**
   * A requester id.
   *
   * @param rid who the scope names
   * @param present whether a function answers there now
   * @param behind the buses behind it, if the scope covers those too
   * @param problem what is odd about it, empty if nothing is
   */
  public record Resolved(Rid rid, boolean present, Optional<BusRange> behind, String problem)
      implements Resolution {
    /** Says whether the scope covers this requester id. */
    public boolean covers(Rid other) {
      return rid.equals(other)
          || (rid.segment() == other.segment()
              && behind.isPresent()
              && behind.get().contains(other.bus()));
    }
  }

  /**
   * Nobody.
   *
   * @param reason why, in words that name the hop
   */
  public record Unresolved(String reason) implements Resolution {}

  /** Resolves on this machine's PCI buses. */
  public ScopeResolver(PciBus bus) {
    this.bus = bus;
  }

  /**
   * Resolves a scope. The last hop need not be there: its requester id is known all the same.
   *
   * @param segment the segment of the structure that the scope is in
   */
  public Resolution resolve(DeviceScope scope, int segment) {
    PciPath path =
        new PciPath(
            segment,
            scope.startBus(),
            scope.path().stream()
                .map(hop -> new PciPath.Hop(hop.device(), hop.function()))
                .toList());
    PciPath.End end = path.follow(bus);
    if (end instanceof PciPath.Found found) {
      return resolved(scope.type(), found);
    }
    return new Unresolved(((PciPath.Lost) end).reason());
  }

  private static Resolved resolved(DeviceScope.Type type, PciPath.Found found) {
    Rid rid = found.rid();
    if (!found.present()) {
      // A device of the ACPI name space has a source id but no config space.
      boolean expected = type == DeviceScope.Type.ACPI_NAMESPACE_DEVICE;
      return new Resolved(rid, false, Optional.empty(), expected ? "" : rid + " is absent");
    }
    return switch (type) {
      case PCI_SUB_HIERARCHY ->
          found.behind().isPresent()
              ? new Resolved(rid, true, found.behind(), "")
              : alone(rid, found.bridge() ? found.problem() : "is not a bridge");
      case PCI_ENDPOINT ->
          found.bridge()
              ? alone(rid, "is a bridge: expected an endpoint; what is behind it is not covered")
              : alone(rid, "");
      default -> alone(rid, "");
    };
  }

  private static Resolved alone(Rid rid, String problem) {
    return new Resolved(rid, true, Optional.empty(), problem.isEmpty() ? "" : rid + " " + problem);
  }
}
