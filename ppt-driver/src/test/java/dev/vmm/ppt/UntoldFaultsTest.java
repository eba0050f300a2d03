package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import org.junit.jupiter.api.Test;

/** A unit that does not tell its faults: no device is taken for silent because of that. */
class UntoldFaultsTest {
  private final PptFixture f = new PptFixture();
  private final VirtualMachine vm = f.vm("a");

  private void parkedOnce() {
    f.driver.attach(FULL);
    f.driver.assign(FULL, vm);
    f.driver.unassign(FULL, vm);
  }

  private PptState state() {
    return f.driver.device(FULL).orElseThrow().state();
  }

  private void mute(boolean on) {
    f.provider.current().mute(on);
  }

  @Test
  void i07_aParkedDeviceOfWhichNobodyKnowsWhetherItIsSilentGoesNeitherToTheHostNorToAVm() {
    parkedOnce();
    mute(true);
    failsWith(Errno.EIO, () -> f.driver.detach(FULL));
    failsWith(Errno.EIO, () -> f.driver.assign(FULL, vm));
    assertThat(state()).isEqualTo(PptState.PARKED);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    assertThat(f.command(f.full) & 7).isZero();
    mute(false);
    f.driver.assign(FULL, vm);
    f.driver.unassign(FULL, vm);
    f.driver.detach(FULL);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void aDeviceLeavesItsVmThoughFaultsCannotBeReadAndIsResetBeforeTheHostGetsIt() {
    f.driver.attach(FULL);
    f.driver.assign(FULL, vm);
    mute(true);
    f.driver.unassign(FULL, vm);
    assertThat(state()).isEqualTo(PptState.PARKED);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    mute(false);
    int resets = f.full.resets;
    f.driver.detach(FULL);
    assertThat(f.full.resets).as("it may have made some since").isEqualTo(resets + 1);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }

  @Test
  void i07_aDeviceThatGoesOnWhileFaultsCannotBeReadIsNotTakenForSilenced() {
    parkedOnce();
    f.provider.current().record(new DmaFault("fake0", FULL, 0x1000, Access.WRITE, 5, "no write"));
    f.waiter.onPause = () -> mute(true);
    failsWith(Errno.EIO, () -> f.driver.detach(FULL));
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    f.waiter.onPause = () -> {};
    mute(false);
    f.driver.detach(FULL);
    assertThat(f.domainOf(FULL)).isEqualTo("host");
  }
}
