package dev.vmm.tools.vmmctl.demo;

import dev.vmm.core.OwnedFault;
import dev.vmm.iommu.Access;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.tunable.Tunables;
import java.util.List;

/** One DMA of a guest's device that the I/O MMU refuses, and what is told of it. */
public final class RefusedDma {
  private static final int BYTES = 64;
  private static final long GPA = 0x1000_0000L;

  private RefusedDma() {}

  /**
   * Gives a guest the machine's device with a DMA engine, takes memory from the guest again, and
   * has the device write there.
   *
   * @return the reports, one for each request that the unit recorded; none where the machine's
   *     units record none
   * @throws dev.vmm.VmmException ENOENT if no function has a DMA engine that a driver knows; else
   *     as attach and assign
   */
  public static List<OwnedFault> run(Machine machine, Tunables tunables) {
    try (Scenario scenario = new Scenario(machine, tunables)) {
      long page = scenario.memory().allocatePage();
      try {
        return run(scenario, page);
      } finally {
        scenario.memory().free(page, PhysicalMemory.PAGE_BYTES);
      }
    } catch (Step.NotRun e) {
      throw new dev.vmm.VmmException(dev.vmm.Errno.ENOENT, String.valueOf(e.getMessage()), e);
    }
  }

  private static List<OwnedFault> run(Scenario scenario, long page) {
    scenario.ppt().attach(scenario.rid());
    Guest guest = Guest.create(scenario, "guest1", page);
    try {
      guest.vm().addMemory(GPA, PhysicalMemory.PAGE_BYTES, Access.READ_WRITE);
      scenario.ppt().assign(scenario.rid(), guest.vm());
      DmaEngine engine = guest.engine(scenario);
      guest.vm().removeMemory(GPA);
      Faults.forget(scenario);
      engine.toMemory(0, GPA, BYTES);
      return scenario.vmm().iommu().drainFaults();
    } finally {
      guest.vm().close();
      scenario.ppt().detach(scenario.rid());
    }
  }
}
