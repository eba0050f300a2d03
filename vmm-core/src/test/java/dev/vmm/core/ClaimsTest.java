package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a claim, its end, and a device that could not be quiesced lead to. */
class ClaimsTest {
  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");

  private final HeldVms vms = new HeldVms();

  @Test
  void aClaimThatStandsIsNotGivenToASecondDriver() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid held = Rid.parse("00:01.0");
      Rid free = Rid.parse("00:02.0");
      vmm.iommu().claim(List.of(held));
      VmmException refusal =
          catchThrowableOfType(VmmException.class, () -> vmm.iommu().claim(List.of(free, held)));
      assertThat(refusal.errno()).isEqualTo(Errno.EBUSY);
      assertThat(refusal).hasMessageContaining("0000:00:01.0").hasMessageContaining("claimed");
      vmm.iommu().claim(List.of(free)); // all or none
      vmm.iommu().unclaim(List.of(held));
      vmm.iommu().claim(List.of(held));
    }
  }

  @Test
  void i06_translationStaysOnWhileADeviceThatCouldNotBeQuiescedWouldGetOut() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    Rid broken = Rid.parse("00:01.0");
    Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake);
    vmm.iommu().claim(List.of(broken));
    TestDevice device = new TestDevice(vmm, vms.held(vmm.createVm("guest")), broken);
    device.assign();
    device.unassign();
    vmm.iommu().block(List.of(broken), "it hangs");
    VmmException refusal = catchThrowableOfType(VmmException.class, vmm::close);
    assertThat(refusal.errno()).isEqualTo(Errno.EBUSY);
    assertThat(refusal)
        .hasMessageContaining("0000:00:01.0 (it hangs); detach that, which resets it again");
    assertThat(fake.translating()).isTrue();
    assertThat(vmm.iommu().state()).isEqualTo(IommuState.ON);
    assertThat(fake.current().dma(broken, 0x1000, Access.WRITE)).isEmpty();
    vmm.iommu().unclaim(List.of(broken));
    vmm.close();
    assertThat(fake.current().closed()).isTrue();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i13_aDeviceThatWasResetButCannotBeMovedDoesNotKeepTheIommuOn() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    Rid stuck = Rid.parse("00:01.0");
    Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake);
    vmm.iommu().claim(List.of(stuck));
    TestDevice device = new TestDevice(vmm, vms.held(vmm.createVm("guest")), stuck);
    device.assign();
    device.unassign();
    vmm.iommu().block(List.of(stuck), "it hangs");
    fake.plan.failNth(FakePlan.Kind.MOVE, 1, Errno.EIO);
    VmmException failure =
        catchThrowableOfType(VmmException.class, () -> vmm.iommu().unclaim(List.of(stuck)));
    assertThat(failure.errno()).isEqualTo(Errno.EIO);
    vmm.close();
    assertThat(fake.current().closed()).isTrue();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i08_aClaimedDeviceIsBlockedAtHomeAndFreeAfterTheClaim() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0xff0000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid one = Rid.parse("00:01.0");
      Rid two = Rid.parse("00:02.0");
      vmm.iommu().claim(List.of(one));
      TestDevice device = new TestDevice(vmm, vms.held(vmm.createVm("guest")), one);
      device.assign();
      vmm.iommu().claim(List.of(two));
      assertThat(vmm.iommu().domainNameOf(two)).contains("blocked");
      assertThat(fake.current().dma(two, 0x1000, Access.READ)).isEmpty();
      device.unassign();
      assertThat(vmm.iommu().domainNameOf(one)).contains("blocked");
      vmm.iommu().unclaim(List.of(one));
      assertThat(vmm.iommu().domainNameOf(one)).contains("host");
      assertThat(fake.current().dma(one, 0x1000, Access.READ_WRITE)).contains(0x1000L);
    }
  }

  @Test
  void i08_theHostAsHomeIsTheOlderBehaviour() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    Tunables older = Tunables.of(Map.of("hw.vmm.ppt.home", "host"));
    try (Vmm vmm = Vmms.open(machine, older, fake)) {
      Rid one = Rid.parse("00:01.0");
      vmm.iommu().claim(List.of(one));
      TestDevice device = new TestDevice(vmm, vms.held(vmm.createVm("guest")), one);
      device.assign();
      device.unassign();
      assertThat(vmm.iommu().domainNameOf(one)).contains("host");
      vmm.iommu().block(List.of(one), "it hangs");
      assertThat(vmm.iommu().domainNameOf(one)).contains("blocked");
      vmm.iommu().rescan();
      assertThat(vmm.iommu().domainNameOf(one)).contains("blocked");
      vmm.iommu().release(List.of(one));
      assertThat(vmm.iommu().domainNameOf(one)).contains("host");
    }
  }

  @Test
  void i06_whyADeviceIsBlockedOutlivesAReleaseThatFails() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    Rid one = Rid.parse("00:01.0");
    Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake);
    vmm.iommu().claim(List.of(one));
    TestDevice device = new TestDevice(vmm, vms.held(vmm.createVm("guest")), one);
    device.assign();
    device.unassign();
    vmm.iommu().block(List.of(one), "it hangs");
    fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
    assertThatThrownBy(() -> vmm.iommu().release(List.of(one))).hasMessageContaining("injected");
    assertThatThrownBy(vmm::close).hasMessageContaining("0000:00:01.0 (it hangs)");
    vmm.iommu().unclaim(List.of(one));
    vmm.close();
  }

  @Test
  void i08_claimsThatCannotBeMovedDoNotStandAndEndedOnesThatCannotDo() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0xff0000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid two = Rid.parse("00:02.0");
      new TestDevice(vmm, vms.held(vmm.createVm("guest")), Rid.parse("00:01.0")).assign();
      fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
      assertThatThrownBy(() -> vmm.iommu().claim(List.of(two))).hasMessageContaining("injected");
      vmm.iommu().release(List.of(two));
      assertThat(vmm.iommu().domainNameOf(two)).contains("host");
      vmm.iommu().claim(List.of(two));
      fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
      assertThatThrownBy(() -> vmm.iommu().unclaim(List.of(two))).hasMessageContaining("injected");
      vmm.iommu().release(List.of(two));
      assertThat(vmm.iommu().domainNameOf(two)).contains("blocked");
    }
  }
}
