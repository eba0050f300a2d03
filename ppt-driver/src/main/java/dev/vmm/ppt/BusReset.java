package dev.vmm.ppt;

import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The reset of all that is behind a bridge, for a function that is alone there: nobody else's
 * device is reset with it.
 *
 * <p>A bridge whose slot is hot-plug capable is left alone, for it may take the reset for a
 * removal. Guarded by the device's lock. Source: PCI-to-PCI Bridge Architecture 1.2, "Bridge
 * Control Register"; PCI Express Base 5.0, "Conventional Reset", "Slot Capabilities Register".
 */
final class BusReset {
  /** How long the reset is asserted: the book asks for 1 ms at least. */
  static final long ASSERT_NANOS = 2_000_000L;

  /** How long software leaves what is behind the bridge alone afterwards. */
  static final long SETTLE_NANOS = 100_000_000L;

  private static final int SECONDARY = 0x19;
  private static final int SUBORDINATE = 0x1a;
  private static final int CONTROL = 0x3e;
  private static final int SECONDARY_BUS_RESET = 1 << 6;

  /** Cleared by writing 1: not ours to clear. */
  private static final int DISCARD_TIMER_STATUS = 1 << 10;

  private static final int EXPRESS_CAPABILITIES = 0x02;
  private static final int SLOT_IMPLEMENTED = 1 << 8;
  private static final int SLOT_CAPABILITIES = 0x14;
  private static final int HOT_PLUG_CAPABLE = 1 << 6;

  private final PciFunction bridge;

  private BusReset(PciFunction bridge) {
    this.bridge = bridge;
  }

  /**
   * Looks at the buses as they are now; empty if the function is not alone behind a bridge.
   *
   * @param attached functions that may be there without answering, as one that is being reset
   */
  static Optional<BusReset> of(PciBus pci, PciFunction function, Collection<Rid> attached) {
    // Asked before the look at all buses, which costs thousands of accesses on a real machine.
    if (function.physicalFunction().isPresent() || onRootBus(pci, function)) {
      return Optional.empty();
    }
    List<PciFunction> all = pci.functions();
    for (PciFunction bridge : all) {
      if (bridge.isBridge()
          && bridge.rid().segment() == function.rid().segment()
          && bridge.config().read8(SECONDARY) == function.rid().bus()) {
        int last = bridge.config().read8(SUBORDINATE);
        boolean alone =
            Stream.concat(all.stream().map(PciFunction::rid), attached.stream())
                .filter(each -> each.segment() == function.rid().segment())
                .filter(each -> each.bus() >= function.rid().bus())
                .filter(each -> each.bus() <= last)
                .allMatch(each -> each.equals(function.rid()));
        return alone && !hotPlug(bridge.config())
            ? Optional.of(new BusReset(bridge))
            : Optional.empty();
      }
    }
    return Optional.empty();
  }

  private static boolean onRootBus(PciBus pci, PciFunction function) {
    return pci.segments().stream()
        .filter(segment -> segment.segment() == function.rid().segment())
        .anyMatch(segment -> segment.rootBuses().contains(function.rid().bus()));
  }

  private static boolean hotPlug(ConfigSpace config) {
    int express = config.capability(PciCapability.PCI_EXPRESS).orElse(0);
    return express != 0
        && (config.read16(express + EXPRESS_CAPABILITIES) & SLOT_IMPLEMENTED) != 0
        && (config.read32(express + SLOT_CAPABILITIES) & HOT_PLUG_CAPABLE) != 0;
  }

  /** Resets; whoever calls waits until the function answers again. */
  void run(Waiter waiter) {
    ConfigSpace config = bridge.config();
    int control = config.read16(CONTROL) & ~(SECONDARY_BUS_RESET | DISCARD_TIMER_STATUS);
    config.write16(CONTROL, control | SECONDARY_BUS_RESET);
    try {
      waiter.pause(ASSERT_NANOS);
    } finally {
      config.write16(CONTROL, control);
    }
    waiter.pause(SETTLE_NANOS);
  }

  @Override
  public String toString() {
    return "secondary bus reset by bridge " + bridge.rid();
  }
}
