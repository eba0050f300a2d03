package dev.vmm.tools.vmmctl.device;

import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.HostBus;
import dev.vmm.machine.Machine;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.Rid;

/**
 * The device's DMA engine driven by the host, by hpa. Decoding and bus master are on while it is
 * open, and as before afterwards. Not thread-safe.
 */
public final class HostDma implements AutoCloseable {
  private final ConfigSpace config;
  private final int before;
  private final DmaEngine engine;

  /**
   * Turns the device on and opens its engine.
   *
   * @param registersHpa where the BAR of the engine's registers is
   */
  public HostDma(Machine machine, Rid rid, DmaEngineProvider provider, long registersHpa) {
    config = machine.pci().config(rid);
    before = config.read16(PciCommand.OFFSET);
    // First, for the driver looks at a register to see that it is the device it knows.
    config.write16(PciCommand.OFFSET, before | PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER);
    try {
      engine = provider.open(new HostBus(machine), registersHpa);
    } catch (RuntimeException e) {
      config.write16(PciCommand.OFFSET, before);
      throw e;
    }
  }

  /** Returns the engine. */
  public DmaEngine engine() {
    return engine;
  }

  /** Puts the command register back. */
  @Override
  public void close() {
    config.write16(PciCommand.OFFSET, before);
  }
}
