package dev.vmm.tck;

import dev.vmm.machine.model.ModelMachine;
import dev.vmm.pci.Rid;
import java.util.function.Supplier;

/** Finds the quickest way to make DMA on a machine. */
final class DmaPorts {
  private DmaPorts() {}

  static DmaPort of(WatchedMachine machine, Supplier<Rid> engine) {
    if (machine.machine() instanceof ModelMachine model) {
      return new ModelDmaPort(model);
    }
    return new EngineDmaPort(machine.machine(), engine.get());
  }
}
