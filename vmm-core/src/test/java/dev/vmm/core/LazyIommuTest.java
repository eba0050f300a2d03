package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.List;
import org.junit.jupiter.api.Test;

class LazyIommuTest {
  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");

  @Test
  void i01_plainVmsAskNothingOfAnyBackEnd() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 2L << 20, Access.READ_WRITE);
      vm.bus().store64(0x1000, 42);
      assertThat(vm.bus().load64(0x1000)).isEqualTo(42);
      vm.close();
      assertThat(vmm.sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
    }
    assertThat(fake.plan.calls()).isEmpty();
    assertThat(fake.probes).hasValue(0);
  }

  @Test
  void i02_everyFunctionIsInItsHomeBeforeTranslationGoesOn() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x8086, 0x100e, 0x020000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid claimed = Rid.parse("00:01.0");
      vmm.iommu().claim(List.of(claimed));
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 2L << 20, Access.READ_WRITE);
      TestDevice device = new TestDevice(vmm, vm, claimed);
      device.assign();
      assertThat(fake.plan.calls())
          .containsExactly(
              "OPEN",
              "CREATE_DOMAIN host 0x3ffffff",
              "MAP host 0x0 0x0 0x4000000",
              "CREATE_DOMAIN blocked 0x7fffffffff",
              "MOVE [0000:00:01.0] blocked",
              "MOVE [0000:00:02.0] host",
              "ENABLE",
              "CREATE_DOMAIN vm:guest 0x7fffffffff",
              String.format("MAP vm:guest 0x0 0x%x 0x200000", vm.memory().get(0).hpa()),
              "MOVE [0000:00:01.0] vm:guest");
      device.unassign();
      assertThat(fake.current().places()).containsEntry(claimed, "blocked");
    }
    assertThat(fake.plan.count(Kind.CLOSE)).isEqualTo(1);
    assertThat(fake.violations).isEmpty();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i03_noBackEndIsRefusedWithTheExactWords() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults())) {
      VirtualMachine vm = vmm.createVm("guest");
      assertThatThrownBy(() -> new TestDevice(vmm, vm, Rid.parse("00:01.0")).assign())
          .hasMessageStartingWith("I/O MMU is not present or is disabled: there is no back end");
    }
  }
}
