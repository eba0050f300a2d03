package dev.vmm.pci;

import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A function as firmware's tables name it: a bus to start from, and a device and function number
 * for each bus on the way, where every hop but the last is a bridge. Firmware writes it so because
 * bus numbers may be given anew.
 *
 * <p>Immutable. Source: VT-d r4.1, "Device Scope Structure"; PCI Express Base 6.0, "Type 1
 * Configuration Space Header".
 *
 * @param segment the segment of the first bus, 0 to 65535
 * @param startBus the bus of the first hop, 0 to 255
 * @param hops in order
 */
public record PciPath(int segment, int startBus, List<Hop> hops) {
  private static final int VENDOR_ID = 0x00;
  private static final int HEADER_TYPE = 0x0e;
  private static final int SECONDARY_BUS = 0x19;
  private static final int SUBORDINATE_BUS = 0x1a;
  private static final int HEADER_TYPE_BRIDGE = 1;
  private static final int HEADER_TYPE_CARDBUS = 2;

  /**
   * One hop, as the table says: a damaged one may have numbers that no device has.
   *
   * @param device 0 to 255, valid up to 31
   * @param function 0 to 255, valid up to 7
   */
  public record Hop(int device, int function) {}

  /** Where a path leads. */
  public sealed interface End permits Found, Lost {}

  /**
   * To a requester id.
   *
   * @param rid whose
   * @param present whether a function answers there now
   * @param bridge whether that function is a bridge
   * @param behind the buses behind that bridge
   * @param problem why a bridge has none, without its name; else empty
   */
  public record Found(
      Rid rid, boolean present, boolean bridge, Optional<BusRange> behind, String problem)
      implements End {}

  /**
   * Nowhere.
   *
   * @param reason why, in words that name the hop
   */
  public record Lost(String reason) implements End {}

  /** Copies the hops. */
  public PciPath {
    hops = List.copyOf(hops);
  }

  /**
   * Follows the path through the secondary bus numbers that the bridges on the way have now. The
   * last hop need not be there: its requester id is known all the same.
   *
   * <p>Reads config space and writes nothing. Whatever the table or a bridge says, it ends after at
   * most one step per hop and answers with a reason instead of an exception; only a machine that
   * does not answer makes it throw what {@link PciBus#read} throws.
   */
  public End follow(PciBus bus) {
    if (hops.isEmpty()) {
      return new Lost("it has no path");
    }
    BitSet entered = new BitSet();
    int number = startBus;
    for (int i = 0; ; i++) {
      Hop hop = hops.get(i);
      if (hop.device() > 0x1f || hop.function() > 7) {
        return lost(
            "hop %d is device 0x%x function 0x%x, which no bus has",
            i + 1, hop.device(), hop.function());
      }
      Rid rid = new Rid(segment, number, hop.device(), hop.function());
      if (i == hops.size() - 1) {
        return last(bus, rid);
      }
      entered.set(number);
      if (!present(bus, rid)) {
        return lost("hop %d, the bridge %s, is absent", i + 1, rid);
      }
      ConfigSpace config = bus.config(rid);
      if (!isBridge(config)) {
        return lost("hop %d, %s, is not a bridge but the path goes on", i + 1, rid);
      }
      number = config.read8(SECONDARY_BUS);
      if (number == 0) {
        return lost(
            "hop %d, the bridge %s, has secondary bus 0: no bus is set up behind it", i + 1, rid);
      }
      if (entered.get(number)) {
        return lost(
            "hop %d, the bridge %s, leads back to bus %02x: the bridges loop", i + 1, rid, number);
      }
    }
  }

  private static Found last(PciBus bus, Rid rid) {
    if (!present(bus, rid)) {
      return new Found(rid, false, false, Optional.empty(), "");
    }
    ConfigSpace config = bus.config(rid);
    if (!isBridge(config)) {
      return new Found(rid, true, false, Optional.empty(), "");
    }
    int secondary = config.read8(SECONDARY_BUS);
    int subordinate = config.read8(SUBORDINATE_BUS);
    BusRange behind = new BusRange(secondary, subordinate);
    String problem = "";
    if (secondary == 0 || subordinate < secondary) {
      problem =
          String.format(
              "has secondary bus %02x and subordinate bus %02x: no bus is set up behind it",
              secondary, subordinate);
    } else if (behind.contains(rid.bus())) {
      problem =
          String.format(
              "has its own bus among buses %02x-%02x behind it: the bridges loop",
              secondary, subordinate);
    }
    return new Found(
        rid, true, true, problem.isEmpty() ? Optional.of(behind) : Optional.empty(), problem);
  }

  private static boolean present(PciBus bus, Rid rid) {
    for (PciBus.Segment each : bus.segments()) {
      if (each.segment() == rid.segment()
          && rid.bus() >= each.firstBus()
          && rid.bus() <= each.lastBus()) {
        return bus.config(rid).read16(VENDOR_ID) != 0xffff;
      }
    }
    return false;
  }

  private static boolean isBridge(ConfigSpace config) {
    int header = config.read8(HEADER_TYPE) & 0x7f;
    return header == HEADER_TYPE_BRIDGE || header == HEADER_TYPE_CARDBUS;
  }

  private static Lost lost(String format, Object... args) {
    return new Lost(String.format(Locale.ROOT, format, args));
  }
}
