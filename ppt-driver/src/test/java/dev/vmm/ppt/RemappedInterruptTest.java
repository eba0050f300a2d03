package dev.vmm.ppt;

import static dev.vmm.ppt.FakeEndpoint.MSI;
import static dev.vmm.ppt.FakeEndpoint.MSIX;
import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.failsWith;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.testing.FakeRemapping;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Messages of a device whose I/O MMU remaps interrupts. */
class RemappedInterruptTest {
  private final PptFixture f = new PptFixture();
  private final FakeRemapping interrupts = new FakeRemapping();
  private VirtualMachine vm;
  private PptDevice device;

  @BeforeEach
  void assign() {
    interrupts.forwards = true;
    f.provider.interrupts = Optional.of(interrupts);
    f.driver.attach(FULL);
    vm = f.vm("a");
    device = f.driver.assign(FULL, vm);
  }

  private int msiControl() {
    return f.full.config.getShort(MSI + 2) & 0xffff;
  }

  private static InterruptTarget target(long address, int data) {
    return InterruptTarget.of(new MsiMessage(address, data));
  }

  @Test
  void theFunctionIsToldTheEntriesMessageAndTheEntriesLeadOn() {
    device.setupMsi(0xfee0_2000L, 0x48, 4);
    assertThat(f.full.config.getInt(MSI + 4)).isEqualTo(0xfee0_0018);
    assertThat(f.full.config.getInt(MSI + 8)).isZero();
    assertThat(f.full.config.getShort(MSI + 0xc)).isZero();
    assertThat(msiControl() & 0x71).isEqualTo(0x21);
    FakeRemapping.Entries entries = interrupts.reserved.get(0);
    assertThat(entries.source()).isEqualTo(FULL);
    assertThat(entries.routes)
        .isEqualTo(
            Map.of(
                0, target(0xfee0_2000L, 0x48),
                1, target(0xfee0_2000L, 0x49),
                2, target(0xfee0_2000L, 0x4a),
                3, target(0xfee0_2000L, 0x4b)));
    failsWith(Errno.EINVAL, () -> device.setupMsi(0x1_fee0_2000L, 0x40, 1));
    assertThat(interrupts.reserved).as("the set-up before stands").containsExactly(entries);
  }

  @Test
  void entriesEndAfterTheFunctionIsSilent() {
    interrupts.beforeClose = () -> assertThat(msiControl() & 1).as("MSI enable").isZero();
    device.setupMsi(0xfee0_2000L, 0x48, 1);
    device.setupMsi(0xfee0_3000L, 0x58, 2);
    assertThat(interrupts.reserved).hasSize(1);
    assertThat(interrupts.reserved.get(0).count()).isEqualTo(2);
    device.setupMsi(0, 0, 0);
    assertThat(interrupts.reserved).isEmpty();
    device.setupMsi(0xfee0_2000L, 0x48, 1);
    f.driver.unassign(FULL, vm);
    assertThat(interrupts.reserved).isEmpty();
  }

  @Test
  void eachVectorOfMsixHasAnEntryUntilTheEnd() {
    interrupts.beforeClose =
        () -> assertThat(f.full.config.getShort(MSIX + 2) & 0x8000).as("MSI-X enable").isZero();
    device.setupMsix(1, 0xfee0_2000L, 0x48, false);
    device.setupMsix(3, 0xfee0_3000L, 0x58, true);
    device.setupMsix(1, 0xfee0_4000L, 0x68, false);
    assertThat(interrupts.reserved).hasSize(2);
    assertThat(interrupts.reserved.get(0).routes).isEqualTo(Map.of(0, target(0xfee0_4000L, 0x68)));
    device.teardownMsix();
    assertThat(interrupts.reserved).isEmpty();
    device.setupMsix(1, 0xfee0_2000L, 0x48, false);
    vm.close();
    assertThat(interrupts.reserved).isEmpty();
  }

  @Test
  void aSetUpThatFailsAnywhereLeavesNothingReserved() {
    int done = 0;
    for (int n = 0; done < 2; n++) {
      interrupts.failAfter = n;
      try {
        device.setupMsi(0xfee0_2000L, 0x48, 4);
        done++;
      } catch (VmmException e) {
        done = 0;
        assertThat(e.errno()).isEqualTo(Errno.EIO);
        assertThat(interrupts.reserved).as("after a failure of step %d", n).isEmpty();
      }
      interrupts.failAfter = Integer.MAX_VALUE;
      device.setupMsi(0, 0, 0);
    }
    done = 0;
    for (int n = 0; done < 2; n++) {
      interrupts.failAfter = n;
      try {
        device.setupMsix(0, 0xfee0_2000L, 0x48, false);
        done++;
      } catch (VmmException e) {
        done = 0;
        assertThat(interrupts.reserved).as("after a failure of step %d", n).isEmpty();
      }
      interrupts.failAfter = Integer.MAX_VALUE;
      device.teardownMsix();
      assertThat(interrupts.reserved).isEmpty();
    }
  }

  @Test
  void anEndThatFailsOnceIsTriedAgainBeforeTheDeviceLeaves() {
    device.setupMsi(0xfee0_2000L, 0x48, 1);
    interrupts.failAfter = 0;
    failsWith(Errno.EIO, () -> f.driver.unassign(FULL, vm));
    assertThat(interrupts.reserved).isEmpty();
    assertThat(device.state()).isEqualTo(PptState.PARKED);
  }

  @Test
  void aDeviceWhoseInterruptsCannotBeBlockedIsBroken() {
    device.setupMsi(0xfee0_2000L, 0x48, 1);
    interrupts.beforeClose =
        () -> {
          throw new VmmException(Errno.EIO, "the unit does not answer");
        };
    failsWith(Errno.EIO, () -> f.driver.unassign(FULL, vm));
    assertThat(device.state()).isEqualTo(PptState.BROKEN);
    assertThat(f.domainOf(FULL)).isEqualTo("blocked");
    // A reset makes it silent, whatever the unit keeps.
    f.driver.detach(FULL);
    assertThat(device.state()).isEqualTo(PptState.HOST);
    assertThat(interrupts.reserved).hasSize(1);
  }
}
