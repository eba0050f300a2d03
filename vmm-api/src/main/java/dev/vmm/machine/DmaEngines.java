package dev.vmm.machine;

import dev.vmm.pci.PciFunction;
import java.util.Optional;
import java.util.ServiceLoader;

/** Finds the driver of a device's DMA engine on the class or module path. */
public final class DmaEngines {
  private DmaEngines() {}

  /** Returns a driver for this function, if there is one. */
  public static Optional<DmaEngineProvider> find(PciFunction function) {
    return ServiceLoader.load(DmaEngineProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(provider -> provider.drives(function))
        .findFirst();
  }
}
