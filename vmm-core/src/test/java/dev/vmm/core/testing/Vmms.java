package dev.vmm.core.testing;

import dev.vmm.core.Vmm;
import dev.vmm.core.VmmHook;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunables;
import java.util.List;

/** Opens platforms for tests. */
public final class Vmms {
  private Vmms() {}

  /** Opens a platform that finds exactly these back ends, whatever is on the path. */
  public static Vmm open(Machine machine, Tunables tunables, IommuProvider... providers) {
    return VmmHook.open(machine, tunables, List.of(providers));
  }
}
