package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class VmReaperTest {
  private static final Rid DEVICE = Rid.parse("00:01.0");

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");

  @Test
  void i07_aDroppedVmIsDestroyedDevicesFirstAndLogged() throws InterruptedException {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      vmm.iommu().claim(List.of(DEVICE));
      CountDownLatch closed = new CountDownLatch(1);
      VirtualMachine inner = dropVmWithDevice(vmm);
      fake.plan.reset();
      fake.plan.onCall(
          kind -> {
            if (kind == Kind.CLOSE_DOMAIN) {
              closed.countDown();
            }
          });
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      boolean done = false;
      while (!done && System.nanoTime() < deadline) {
        System.gc();
        done = closed.await(20, TimeUnit.MILLISECONDS);
      }
      assertThat(done).as("the VM was reaped").isTrue();
      // The reaper holds the VM's lock until all is done, so this waits for it.
      inner.close();
      assertThat(inner.destroyed()).isTrue();
      assertThat(fake.plan.calls())
          .containsExactly("MOVE [0000:00:01.0] blocked", "CLOSE_DOMAIN vm:lost");
      assertThat(logs.warnings())
          .containsOnlyOnce("VM lost was dropped without close(): destroyed now");
      assertThat(vmm.vms()).isEmpty();
      vmm.createVm("lost").close();
    }
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  /** Returns what a device would hold; it must not keep the VM. */
  private static VirtualMachine dropVmWithDevice(Vmm vmm) {
    VirtualMachine vm = vmm.createVm("lost");
    vm.addMemory(0, 2L << 20, Access.READ_WRITE);
    new TestDevice(vmm, vm, DEVICE).assign();
    assertThat(vmm.vms()).containsExactly(vm);
    assertThat(vm.unowned()).isEqualTo(vm).hasSameHashCodeAs(vm);
    assertThat(vm).isEqualTo(vm.unowned());
    return vm.unowned();
  }

  @Test
  void aVmThatIsHeldOrOnlyItsBusIsNotReaped() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      VirtualMachine vm = vmm.createVm("held");
      vm.addMemory(0, 4096, Access.READ_WRITE);
      var bus = vmm.vms().get(0).bus();
      assertThat(vmm.vms().get(0)).isSameAs(vm);
      vm = null;
      for (int i = 0; i < 5; i++) {
        System.gc();
      }
      bus.store64(0, 7);
      assertThat(bus.load64(0)).isEqualTo(7);
      assertThat(vmm.vms()).hasSize(1);
    }
  }

  @Test
  void aClosedVmIsNotLogged() {
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      vmm.createVm("tidy").close();
      System.gc();
      assertThat(logs.warnings()).isEmpty();
    }
  }
}
