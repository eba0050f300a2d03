package dev.vmm.machine.model.pci;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Says which PCI functions a machine has, and builds them as firmware leaves them: buses numbered,
 * BARs assigned, bridges' windows open, memory decoding on.
 *
 * <pre>{@code
 * ModelPci pci =
 *     PciTopology.in(site)
 *         .segment(0, 0, 255, 0xb0000000L)
 *         .root(0, bus -> bus
 *             .add(0, FunctionSpec.hostBridge())
 *             .add(2, edu)
 *             .bridge(3, BridgeSpec.rootPort().acs(true), behind -> behind.add(0, nic)))
 *         .build();
 * }</pre>
 *
 * Not thread-safe.
 */
public final class PciTopology {
  private final ModelPci pci;
  private int segment;
  private List<ModelBus> roots = new ArrayList<>();

  private PciTopology(PciSite site) {
    pci = new ModelPci(site);
  }

  /** Begins a machine without any function. */
  public static PciTopology in(PciSite site) {
    return new PciTopology(site);
  }

  /**
   * Begins a segment; what follows is in it.
   *
   * @param number the segment group, greater than the one before
   * @param firstBus the first bus that its config space reaches
   * @param lastBus the last bus, inclusive
   * @param ecamBase where the config space of bus 0 is, or would be, in memory
   */
  public PciTopology segment(int number, int firstBus, int lastBus, long ecamBase) {
    segment = number;
    roots = new ArrayList<>();
    pci.add(new PciTree.SegmentPart(number, firstBus, lastBus, ecamBase, roots));
    return this;
  }

  /** Adds a root bus to the segment, and says what is on it. */
  public PciTopology root(int number, Consumer<BusBuilder> content) {
    if (pci.parts().isEmpty()) {
      throw new IllegalStateException("a root bus is in a segment: begin one first");
    }
    ModelBus bus = new ModelBus(segment, number);
    roots.add(bus);
    content.accept(new BusBuilder(pci, bus));
    return this;
  }

  /** Builds the machine's functions. To be called once. */
  public ModelPci build() {
    pci.locked(() -> new PciFirmware(pci.site().windows()).configure(pci.parts()));
    return pci;
  }
}
