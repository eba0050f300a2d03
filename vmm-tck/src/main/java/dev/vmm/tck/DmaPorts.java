package dev.vmm.tck;

import dev.vmm.pci.Rid;
import java.util.function.Supplier;

/** Finds the quickest way to make DMA on a machine. */
final class DmaPorts {
  private DmaPorts() {}

  static DmaPort of(WatchedMachine machine, Supplier<Rid> engine) {
    return new EngineDmaPort(machine.machine(), engine.get());
  }
}
