package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** Two functions, devices of theirs, and faults, on a back end in memory. */
abstract class FaultFixture {
  static final Rid ONE = Rid.parse("00:01.0");
  static final Rid TWO = Rid.parse("00:02.0");
  static final Rid ALIAS = Rid.parse("05:00.0");

  final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private final List<VirtualMachine> vms = new ArrayList<>();

  /** A device with an alias, whose DMA can be stopped. */
  class Stoppable implements PassthroughDevice {
    final Vmm vmm;
    final VirtualMachine vm;
    final Rid rid;
    final List<Rid> rids;
    final AtomicInteger stops = new AtomicInteger();
    VmmException refusal;

    Stoppable(Vmm vmm, VirtualMachine vm, Rid... rids) {
      this.vmm = vmm;
      this.vm = vm.unowned();
      this.rid = rids[0];
      this.rids = List.of(rids);
      vm.admit(this, domain -> vmm.iommu().move(this.rids, domain));
    }

    @Override
    public Rid rid() {
      return rid;
    }

    @Override
    public Collection<Rid> requesterIds() {
      return rids;
    }

    @Override
    public void stopDma(VirtualMachine owner) {
      assertThat(owner).isEqualTo(vm);
      if (refusal != null) {
        throw refusal;
      }
      stops.incrementAndGet();
    }

    @Override
    public void unassign() {
      vm.dismiss(this, () -> vmm.iommu().release(rids));
    }
  }

  FaultFixture() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0xff0000);
  }

  final Vmm open(String... tunables) {
    Map<String, String> values = tunables.length == 0 ? Map.of() : Map.of(tunables[0], tunables[1]);
    return Vmms.open(machine, Tunables.of(values), fake);
  }

  final VirtualMachine vm(Vmm vmm, String name) {
    VirtualMachine vm = vmm.createVm(name);
    vms.add(vm);
    vm.addMemory(0, 0x10_0000, Access.READ_WRITE);
    return vm;
  }

  final void record(Rid rid, long iova, int times) {
    for (int i = 0; i < times; i++) {
      fake.current().record(new DmaFault("fake0", rid, iova, Access.WRITE, 5, "no write"));
    }
  }
}
