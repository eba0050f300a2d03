package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.List;

/** A lazy I/O MMU over a back end in memory, not started yet, and two functions. */
final class StartBench {
  static final Rid FIRST = new Rid(0, 0, 1, 0);
  static final Rid SECOND = new Rid(0, 0, 2, 0);

  /** One for all: a state takes a few pages only. */
  private static final PhysicalMemory MEMORY = new ArrayMemory(64L << 20);

  private final FakeIommuProvider backend = new FakeIommuProvider("fake");
  private final LazyIommu iommu;

  StartBench() {
    FakeMachine machine = new FakeMachine(MEMORY);
    machine.pci().add(FIRST.toString(), 0x1234, 0x11e8, 0xff0000);
    machine.pci().add(SECOND.toString(), 0x1234, 0x11e8, 0xff0000);
    iommu =
        new LazyIommu(
            machine, Tunables.defaults(), () -> VmmHook.iterator(List.of(backend)), false);
  }

  /**
   * What a first assign does to the I/O MMU.
   *
   * @return 1 if the function is in its domain and translation on then, 0 if the platform was
   *     closed before, -1 otherwise
   */
  int assign(Rid rid) {
    String name = "vm:" + rid;
    try {
      iommu.ensureOn();
      Domain domain = iommu.createDomain(name, 0xfff, 0);
      iommu.move(List.of(rid), domain);
    } catch (VmmException e) {
      return e.errno() == Errno.ENXIO ? 0 : -1;
    }
    return 1;
  }

  /** Says whether all of it works: on, and this function in its own domain. */
  int settled(Rid rid) {
    boolean there = iommu.domainNameOf(rid).equals(java.util.Optional.of("vm:" + rid));
    return there && iommu.state() == IommuState.ON && backend.translating() ? 1 : -1;
  }

  int starts() {
    return backend.plan.count(Kind.OPEN) + backend.plan.count(Kind.ENABLE) - 1;
  }

  /** Returns how many more times the back end was opened than closed, or -1 if it was misused. */
  int left() {
    boolean on = backend.translating();
    int open = backend.plan.count(Kind.OPEN) - backend.plan.count(Kind.CLOSE);
    return on || !backend.violations.isEmpty() ? -1 : open;
  }

  void close() {
    iommu.close();
  }
}
