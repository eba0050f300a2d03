package dev.vmm.tools.vmmctl.demo;

import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.HostBus;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCommand;

/**
 * The device's DMA engine driven by the host, by hpa. Decoding and bus master are on while it is
 * open, and as before afterwards. Not thread-safe.
 */
final class HostDma implements AutoCloseable {
  private final ConfigSpace config;
  private final int before;
  private final DmaEngine engine;

  HostDma(Scenario scenario) {
    config = scenario.machine().pci().config(scenario.rid());
    before = config.read16(PciCommand.OFFSET);
    // First, for the driver looks at a register to see that it is the device it knows.
    config.write16(PciCommand.OFFSET, before | PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER);
    try {
      engine =
          scenario.engineProvider().open(new HostBus(scenario.machine()), scenario.bar().base());
    } catch (RuntimeException e) {
      config.write16(PciCommand.OFFSET, before);
      throw e;
    }
  }

  DmaEngine engine() {
    return engine;
  }

  @Override
  public void close() {
    config.write16(PciCommand.OFFSET, before);
  }
}
