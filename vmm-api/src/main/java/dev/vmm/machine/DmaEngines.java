package dev.vmm.machine;

import dev.vmm.pci.PciFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** Finds the driver of a device's DMA engine on the class or module path. */
public final class DmaEngines {
  private DmaEngines() {}

  /** Returns a driver for this function, if there is one. */
  public static Optional<DmaEngineProvider> find(PciFunction function) {
    return find(function, ServiceLoader.load(DmaEngineProvider.class));
  }

  static Optional<DmaEngineProvider> find(
      PciFunction function, Iterable<DmaEngineProvider> loader) {
    List<DmaEngineProvider> found = new ArrayList<>();
    Providers.forEach(
        loader,
        provider -> {
          if (drives(provider, function)) {
            found.add(provider);
          }
        },
        broken -> {}); // a driver that cannot be had is one that is not there
    return found.stream().findFirst();
  }

  private static boolean drives(DmaEngineProvider provider, PciFunction function) {
    try {
      return provider.drives(function);
    } catch (LinkageError | RuntimeException e) {
      return false;
    }
  }
}
