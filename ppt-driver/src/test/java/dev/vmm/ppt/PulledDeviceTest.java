package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.policy.VmNeed;
import org.junit.jupiter.api.Test;

/** Functions that are pulled out of the machine, and what comes to their places. */
class PulledDeviceTest {
  private static final long GPA = 0x4000_0000L;

  private final PptFixture f = new PptFixture();
  private final FakeEndpoint next = PptFixture.fresh(0x8086);

  private PptDevice assigned(VirtualMachine vm) {
    PptDevice device = f.driver.attach(FULL);
    f.driver.assign(FULL, vm);
    return device;
  }

  @Test
  void i02_i07_whatComesToThePlaceOfAGuestsDeviceIsNeitherTheGuestsNorTouched() {
    VirtualMachine vm = f.vm("a");
    PptDevice device = assigned(vm);
    device.mapMmio(GPA, 0x1000, PptFixture.BAR0);
    f.machine.poke(PptFixture.BAR0, 4, 0x1234_5678);
    assertThat(vm.bus().load32(GPA)).isEqualTo(0x1234_5678);
    f.slots.unplug(FULL);
    assertThat(device.gone()).isTrue();
    assertThat(device.state()).isEqualTo(PptState.ASSIGNED);
    assertThat(device).asString().contains("pulled out");
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.slots.plug(next, FULL);
    byte[] image = next.image();
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(vm.bus().load32(GPA)).isEqualTo(-1);
    vm.bus().store(GPA, 4, 0);
    assertThat(f.machine.peek(PptFixture.BAR0, 4)).isEqualTo(0x1234_5678);
    failsWith(Errno.ENXIO, () -> device.mapMmio(GPA + 0x1000, 0x1000, PptFixture.BAR0));
    failsWith(Errno.ENXIO, () -> device.setupMsi(0xfee0_0000L, 0x40, 1));
    device.stopDma(vm);
    f.driver.unassign(FULL, vm);
    assertThat(device.state()).isEqualTo(PptState.PARKED);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(failsWith(Errno.ENXIO, () -> f.driver.assign(FULL, vm))).contains("pulled out");
    assertThat(f.driver.verdict(FULL, new VmNeed(0)).blockers())
        .anyMatch(obstacle -> obstacle.sentence().contains("pulled out"));
    f.driver.detach(FULL);
    assertThat(next.image()).as("the next one's config space").isEqualTo(image);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
    f.driver.attach(FULL);
    f.driver.assign(FULL, vm);
    assertThat(f.domainOf(FULL)).isEqualTo("vm:a");
  }

  @Test
  void i07_aVmWhoseDeviceWasPulledOutIsDestroyed() {
    VirtualMachine vm = f.vm("a");
    PptDevice device = assigned(vm);
    f.slots.unplug(FULL);
    vm.close();
    assertThat(f.provider.current().openDomains()).doesNotContain("vm:a");
    assertThat(device.state()).isEqualTo(PptState.PARKED);
    f.driver.detach(FULL);
    f.driver.close();
    f.vmm.close();
    assertThat(f.slots.listeners).isEmpty();
  }

  @Test
  void i06_aBrokenDeviceThatIsPulledOutIsLetGo() {
    VirtualMachine vm = f.vm("a");
    PptDevice device = assigned(vm);
    f.full.onReset = FakeEndpoint.OnReset.IGNORED;
    failsWith(Errno.EIO, () -> f.driver.unassign(FULL, vm));
    failsWith(Errno.EIO, () -> f.driver.detach(FULL));
    f.slots.unplug(FULL);
    assertThat(device.state()).isEqualTo(PptState.BROKEN);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.driver.detach(FULL);
    f.driver.close();
    f.vmm.close();
  }

  @Test
  void i07_aDeviceThatIsPulledOutInTheMiddleOfItsResetIsLetGo() {
    VirtualMachine vm = f.vm("a");
    assigned(vm);
    f.waiter.onPause =
        () -> {
          f.waiter.onPause = () -> {};
          f.slots.unplug(FULL);
        };
    failsWith(Errno.EIO, vm::close);
    assertThat(vm.destroyed()).isTrue();
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.driver.detach(FULL);
    f.driver.close();
    f.vmm.close();
  }

  @Test
  void aParkedDeviceThatIsPulledOutIsDetached() {
    f.driver.attach(FULL);
    f.slots.unplug(FULL);
    f.slots.plug(next, FULL);
    byte[] image = next.image();
    failsWith(Errno.ENXIO, () -> f.driver.assign(FULL, f.vm("a")));
    f.driver.detach(FULL);
    assertThat(next.image()).isEqualTo(image);
    f.slots.unplug(FULL); // which is nobody's
    assertThat(f.driver.device(FULL)).isEmpty();
  }

  @Test
  void i02_i07_aDeviceOfAnotherKindIsNoticedWhereTheMachineDoesNotTell() {
    VirtualMachine vm = f.vm("a");
    PptDevice device = assigned(vm);
    FakeEndpoint another = PptFixture.fresh(0x15b3);
    f.machine.pci().functions.put(FULL, another);
    byte[] image = another.image();
    f.vmm.iommu().rescan();
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.driver.unassign(FULL, vm);
    assertThat(device.gone()).isTrue();
    f.driver.detach(FULL);
    assertThat(another.image()).isEqualTo(image);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void i02_i07_aDeviceOfTheSameKindIsNoticedByItsAddresses() {
    VirtualMachine vm = f.vm("a");
    PptDevice device = assigned(vm);
    f.machine.pci().functions.put(FULL, next);
    f.vmm.iommu().rescan();
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.driver.unassign(FULL, vm);
    assertThat(device.state()).isEqualTo(PptState.PARKED);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.driver.detach(FULL);
  }

  @Test
  void aParkedDeviceThatLostItsAddressesIsNotAssigned() {
    f.driver.attach(FULL);
    f.machine.pci().functions.put(FULL, next);
    assertThat(failsWith(Errno.EIO, () -> f.driver.assign(FULL, f.vm("a"))))
        .contains("BAR0", "0x10", "0xfe000000", "plugged in");
    assertThat(f.command(next) & 7).isZero();
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
  }
}
