package dev.vmm.core;

import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunables;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceLoader;

/** Reaches the package's own way to open a platform; see {@link dev.vmm.core.testing.Vmms}. */
public final class VmmHook {
  private VmmHook() {}

  /** Opens a platform that finds exactly these back ends. */
  public static Vmm open(Machine machine, Tunables tunables, List<IommuProvider> providers) {
    return open(machine, tunables, providers, false);
  }

  /** As {@link #open}, with or without the demand that interrupts are remapped. */
  public static Vmm open(
      Machine machine, Tunables tunables, List<IommuProvider> providers, boolean remapped) {
    return new DefaultVmm(machine, tunables, () -> iterator(providers), remapped);
  }

  static Iterator<ServiceLoader.Provider<IommuProvider>> iterator(List<IommuProvider> providers) {
    return providers.stream().map(VmmHook::loaded).iterator();
  }

  private static ServiceLoader.Provider<IommuProvider> loaded(IommuProvider provider) {
    return new ServiceLoader.Provider<>() {
      @Override
      public Class<? extends IommuProvider> type() {
        return provider.getClass();
      }

      @Override
      public IommuProvider get() {
        return provider;
      }
    };
  }
}
