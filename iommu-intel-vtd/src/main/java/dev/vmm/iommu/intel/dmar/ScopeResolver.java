package dev.vmm.iommu.intel.dmar;

import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.Rid;
import java.util.BitSet;
import java.util.Optional;

/**
 * Follows the path of a device scope, bus by bus, through the secondary bus numbers that the
 * bridges on the way have now.
 *
 * <p>Reads config space and writes nothing. Whatever the table or a bridge says, it ends after at
 * most one step per hop and answers with a reason instead of an exception; only a machine that does
 * not answer makes it throw what {@link PciBus#read} throws. As thread-safe as the bus. Source:
 * VT-d r4.1, "Device Scope Structure"; PCI Express Base 6.0, "Type 1 Configuration Space Header".
 */
public final class ScopeResolver {
  private static final int VENDOR_ID = 0x00;
  private static final int HEADER_TYPE = 0x0e;
  private static final int SECONDARY_BUS = 0x19;
  private static final int SUBORDINATE_BUS = 0x1a;
  private static final int HEADER_TYPE_BRIDGE = 1;
  private static final int HEADER_TYPE_CARDBUS = 2;

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

  /**
   * The buses behind a bridge.
   *
   * @param secondary the first, 1 to 255
   * @param subordinate the last, inclusive
   */
  public record BusRange(int secondary, int subordinate) {
    /** Says whether a bus is among them. */
    public boolean contains(int number) {
      return number >= secondary && number <= subordinate;
    }

    /** Returns how many there are. */
    public int size() {
      return subordinate - secondary + 1;
    }
  }

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
    if (scope.path().isEmpty()) {
      return new Unresolved("it has no path");
    }
    BitSet entered = new BitSet();
    int number = scope.startBus();
    for (int i = 0; ; i++) {
      DeviceScope.Path hop = scope.path().get(i);
      if (!hop.valid()) {
        return new Unresolved(
            String.format(
                "hop %d is device 0x%x function 0x%x, which no bus has",
                i + 1, hop.device(), hop.function()));
      }
      Rid rid = new Rid(segment, number, hop.device(), hop.function());
      if (i == scope.path().size() - 1) {
        return last(scope, rid);
      }
      entered.set(number);
      if (!present(rid)) {
        return new Unresolved(String.format("hop %d, the bridge %s, is absent", i + 1, rid));
      }
      ConfigSpace config = bus.config(rid);
      if (!isBridge(config)) {
        return new Unresolved(
            String.format("hop %d, %s, is not a bridge but the path goes on", i + 1, rid));
      }
      number = config.read8(SECONDARY_BUS);
      if (number == 0) {
        return new Unresolved(
            String.format(
                "hop %d, the bridge %s, has secondary bus 0: no bus is set up behind it",
                i + 1, rid));
      }
      if (entered.get(number)) {
        return new Unresolved(
            String.format(
                "hop %d, the bridge %s, leads back to bus %02x: the bridges loop",
                i + 1, rid, number));
      }
    }
  }

  private Resolved last(DeviceScope scope, Rid rid) {
    if (!present(rid)) {
      // A device of the ACPI name space has a source id but no config space.
      boolean expected = scope.type() == DeviceScope.Type.ACPI_NAMESPACE_DEVICE;
      return new Resolved(rid, false, Optional.empty(), expected ? "" : rid + " is absent");
    }
    ConfigSpace config = bus.config(rid);
    boolean bridge = isBridge(config);
    return switch (scope.type()) {
      case PCI_SUB_HIERARCHY -> bridge ? subHierarchy(rid, config) : alone(rid, "is not a bridge");
      case PCI_ENDPOINT ->
          bridge
              ? alone(rid, "is a bridge: expected an endpoint; what is behind it is not covered")
              : alone(rid, "");
      default -> alone(rid, "");
    };
  }

  private static Resolved subHierarchy(Rid rid, ConfigSpace config) {
    int secondary = config.read8(SECONDARY_BUS);
    int subordinate = config.read8(SUBORDINATE_BUS);
    if (secondary == 0 || subordinate < secondary) {
      return alone(
          rid,
          String.format(
              "has secondary bus %02x and subordinate bus %02x: no bus is set up behind it",
              secondary, subordinate));
    }
    BusRange behind = new BusRange(secondary, subordinate);
    if (behind.contains(rid.bus())) {
      return alone(
          rid,
          String.format(
              "has its own bus among buses %02x-%02x behind it: the bridges loop",
              secondary, subordinate));
    }
    return new Resolved(rid, true, Optional.of(behind), "");
  }

  private static Resolved alone(Rid rid, String problem) {
    return new Resolved(rid, true, Optional.empty(), problem.isEmpty() ? "" : rid + " " + problem);
  }

  private boolean present(Rid rid) {
    for (PciBus.Segment segment : bus.segments()) {
      if (segment.segment() == rid.segment()
          && rid.bus() >= segment.firstBus()
          && rid.bus() <= segment.lastBus()) {
        return bus.config(rid).read16(VENDOR_ID) != 0xffff;
      }
    }
    return false;
  }

  private static boolean isBridge(ConfigSpace config) {
    int header = config.read8(HEADER_TYPE) & 0x7f;
    return header == HEADER_TYPE_BRIDGE || header == HEADER_TYPE_CARDBUS;
  }
}
