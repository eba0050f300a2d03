package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.OTHER;
import static dev.vmm.ppt.PptFixture.PLAIN;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Assign and unassign, and what a VM's destruction does. */
class AssignTest {
  private final PptFixture f = new PptFixture();

  @Test
  void assignMovesTheDeviceIntoTheVmsDomainAndTurnsItOn() {
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    PptDevice device = f.driver.assign(FULL, vm);
    assertThat(device.state()).isEqualTo(PptState.ASSIGNED);
    assertThat(device.ownerName()).contains("a");
    assertThat(f.domainOf(FULL)).isEqualTo("vm:a");
    assertThat(f.command(f.full)).isEqualTo(0x0507); // I/O and memory BARs, bus master
    assertThat(f.full.resets).isEqualTo(1);
    assertThat(vm.devices()).containsExactly(device);
    long hpa = vm.memory().get(0).hpa();
    assertThat(f.provider.current().dma(FULL, 0x1000, Access.WRITE)).contains(hpa + 0x1000);
  }

  @Test
  void assignLeavesConfigAsItWasButForInterruptsOfTheHost() {
    f.driver.attach(FULL);
    byte[] parked = f.full.image();
    f.driver.assign(FULL, f.vm("a"));
    byte[] now = f.full.image();
    assertThat(now[FakeEndpoint.MSI + 2] & 1).isEqualTo(0);
    now[4] = parked[4];
    now[FakeEndpoint.MSI + 2] = parked[FakeEndpoint.MSI + 2];
    assertThat(now).isEqualTo(parked);
  }

  @Test
  void i06_unassignLeavesConfigByteForByteAsBeforeTheAssign() {
    byte[] host = f.full.image();
    f.driver.attach(FULL);
    byte[] parked = f.full.image();
    VirtualMachine vm = f.vm("a");
    f.driver.assign(FULL, vm);
    f.driver.unassign(FULL, vm);
    assertThat(f.full.image()).isEqualTo(parked);
    f.driver.detach(FULL);
    assertThat(f.full.image()).isEqualTo(host);
  }

  @Test
  void busMasteringGoesOnOnlyAfterTheMoveAndOffBeforeTheRelease() {
    List<String> order = new ArrayList<>();
    f.driver.attach(FULL);
    f.provider.plan.onCall(
        kind -> {
          if (kind == Kind.MOVE) {
            order.add("move with command " + Integer.toHexString(f.command(f.full) & 7));
          }
        });
    VirtualMachine vm = f.vm("a");
    f.driver.assign(FULL, vm);
    f.driver.unassign(FULL, vm);
    assertThat(order).isNotEmpty().containsOnly("move with command 0");
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
  }

  @Test
  void assignOfWhatIsNoPptDeviceIsRefused() {
    VirtualMachine vm = f.vm("a");
    assertThat(failsWith(Errno.ENOENT, () -> f.driver.assign(FULL, vm))).contains("0000:00:03.0");
    assertThat(f.provider.plan.calls()).isEmpty();
  }

  @Test
  void assignToAVmOfAnotherPlatformIsRefusedBeforeItStartsAnything() {
    FakeIommuProvider otherProvider = new FakeIommuProvider("other");
    Vmm other = Vmms.open(f.machine, Tunables.defaults(), otherProvider);
    VirtualMachine stranger = other.createVm("stranger");
    f.driver.attach(FULL);
    assertThat(failsWith(Errno.EINVAL, () -> f.driver.assign(FULL, stranger)))
        .contains("stranger")
        .contains("0000:00:03.0");
    assertThat(otherProvider.plan.calls()).isEmpty();
    f.driver.assign(FULL, f.vm("own"));
    other.close();
  }

  @Test
  void assignOfAnOwnedDeviceIsRefusedEvenForItsOwner() {
    f.driver.attach(FULL);
    VirtualMachine owner = f.vm("owner");
    VirtualMachine rival = f.vm("rival");
    f.driver.assign(FULL, owner);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.assign(FULL, owner))).contains("VM owner");
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.assign(FULL, rival))).contains("VM owner");
    assertThat(f.domainOf(FULL)).isEqualTo("vm:owner");
    assertThat(f.provider.current().openDomains()).containsOnlyOnce("vm:owner");
    assertThat(rival.domain()).isEmpty();
  }

  @Test
  void unassignNamesTheRealOwner() {
    VirtualMachine owner = f.vm("owner");
    VirtualMachine rival = f.vm("rival");
    failsWith(Errno.ENOENT, () -> f.driver.unassign(FULL, rival));
    f.driver.attach(FULL);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.unassign(FULL, rival))).contains("no VM");
    f.driver.assign(FULL, owner);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.unassign(FULL, rival))).contains("VM owner");
    assertThat(f.domainOf(FULL)).isEqualTo("vm:owner");
  }

  @Test
  void aDeviceCanBeAssignedAgainAfterTheLastUnassign() {
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    for (int i = 0; i < 3; i++) {
      f.driver.assign(FULL, vm);
      f.driver.unassign(FULL, vm);
      assertThat(f.provider.current().openDomains()).doesNotContain("vm:a");
      assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    }
    assertThat(f.full.resets).isEqualTo(6);
    assertThat(f.provider.violations).isEmpty();
  }

  @Test
  void unassignAllTakesBackThisVmsDevicesOnly() {
    VirtualMachine a = f.vm("a");
    VirtualMachine b = f.vm("b");
    f.driver.attach(FULL);
    f.driver.attach(OTHER);
    f.driver.attach(PLAIN);
    f.driver.assign(FULL, a);
    f.driver.assign(PLAIN, a);
    f.driver.assign(OTHER, b);
    f.driver.unassignAll(a);
    assertThat(a.devices()).isEmpty();
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(f.domainOf(PLAIN)).isEqualTo("blocked");
    assertThat(f.domainOf(OTHER)).isEqualTo("vm:b");
  }

  @Test
  void i07_destroyingAVmQuiescesItsDevicesBeforeItsMemoryIsFreed() {
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    long hpa = vm.memory().get(0).hpa();
    PptDevice device = f.driver.assign(FULL, vm);
    List<Kind> seen = new ArrayList<>();
    f.provider.plan.onCall(
        kind -> {
          seen.add(kind);
          assertThat(f.command(f.full) & 7).isEqualTo(0);
          assertThat(f.full.resets).isEqualTo(2);
          assertThat(f.machine.freed).doesNotContain(hpa);
        });
    vm.close();
    f.provider.plan.onCall(kind -> {});
    assertThat(seen).containsSequence(Kind.MOVE, Kind.CLOSE_DOMAIN);
    assertThat(f.machine.freed).contains(hpa);
    assertThat(device.state()).isEqualTo(PptState.PARKED);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(f.provider.current().openDomains()).doesNotContain("vm:a");
    failsWith(Errno.ENXIO, () -> f.driver.assign(FULL, vm));
    f.driver.assign(FULL, f.vm("b"));
  }

  @Test
  void i06_aDeviceThatVanishedEndsBlockedAndBroken() {
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    PptDevice device = f.driver.assign(FULL, vm);
    f.full.gone = true;
    assertThat(failsWith(Errno.EIO, () -> f.driver.unassign(FULL, vm)))
        .contains("0000:00:03.0")
        .contains("blocked");
    assertThat(device.state()).isEqualTo(PptState.BROKEN);
    assertThat(device.ownerName()).isEmpty();
    assertThat(vm.devices()).isEmpty();
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    failsWith(Errno.EIO, () -> f.driver.assign(FULL, vm));
    assertThat(failsWith(Errno.EIO, () -> f.driver.detach(FULL))).contains("stays blocked");
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    failsWith(Errno.EBUSY, () -> f.driver.attach(FULL));

    f.full.gone = false;
    f.driver.detach(FULL);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
    f.driver.attach(FULL);
    f.driver.assign(FULL, vm);
  }

  @Test
  void i06_i07_destroyOfAVmWithADeviceThatCannotBeQuiescedBlocksItAndFreesAll() {
    f.driver.attach(FULL);
    VirtualMachine vm = f.vm("a");
    PptDevice device = f.driver.assign(FULL, vm);
    f.full.onReset = FakeEndpoint.OnReset.IGNORED;
    failsWith(Errno.EIO, vm::close);
    assertThat(vm.destroyed()).isTrue();
    assertThat(device.state()).isEqualTo(PptState.BROKEN);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(f.provider.current().openDomains()).doesNotContain("vm:a");
  }

  @Test
  void brokenInTheOlderHomeIsBlockedAllTheSame() {
    PptFixture g = new PptFixture(java.util.Map.of("hw.vmm.ppt.home", "host"));
    g.driver.attach(FULL);
    VirtualMachine vm = g.vm("a");
    g.driver.assign(FULL, vm);
    g.full.onReset = FakeEndpoint.OnReset.IGNORED;
    failsWith(Errno.EIO, () -> g.driver.unassign(FULL, vm));
    assertThat(g.domainOf(FULL)).isEqualTo("blocked");
  }

  @Test
  void closeOfTheDriverTriesAllAndThrowsTheFirstFailure() {
    f.driver.attach(FULL);
    f.driver.attach(OTHER);
    f.driver.assign(FULL, f.vm("a"));
    f.full.onReset = FakeEndpoint.OnReset.IGNORED;
    failsWith(Errno.EIO, f.driver::close);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(f.domainOf(OTHER)).isEqualTo("host");
    f.full.onReset = FakeEndpoint.OnReset.WORKS;
    f.driver.close();
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void aPfWithLivingVfsIsNeitherAttachedNorAssigned() {
    f.full.config.putInt(0x100, 0x0001_0010); // SR-IOV, the only extended capability
    f.driver.attach(FULL);
    f.full.config.putShort(0x108, (short) 0x0001); // VF Enable
    VirtualMachine vm = f.vm("a");
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.assign(FULL, vm)))
        .contains("virtual functions");
    assertThat(f.full.resets).isZero();
    f.driver.detach(FULL);
    assertThat(failsWith(Errno.EBUSY, () -> f.driver.attach(FULL))).contains("virtual functions");
  }
}
