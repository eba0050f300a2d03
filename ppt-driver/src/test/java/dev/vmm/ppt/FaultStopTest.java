package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.DmaStopped;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.testing.FakePlan;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is done to a device that makes too many faults, and what it says of that. */
class FaultStopTest {
  private static final int THRESHOLD = 3;

  private final PptFixture f =
      new PptFixture(Map.of("hw.vmm.iommu.fault_threshold", String.valueOf(THRESHOLD)));
  private final VirtualMachine vm = f.vm("a");
  private final List<DmaStopped> told = new ArrayList<>();
  private final PptDevice device = f.driver.attach(FULL);

  @BeforeEach
  void assign() {
    vm.onDmaStopped(told::add);
    f.driver.assign(FULL, vm);
    assertThat(busMaster()).isTrue();
  }

  private boolean busMaster() {
    return (f.command(f.full) & 4) != 0;
  }

  private void tooManyFaults() {
    for (int i = 0; i <= THRESHOLD; i++) {
      f.provider.current().record(new DmaFault("fake0", FULL, 0x8000_0000L, Access.READ, 6, "no"));
    }
    f.vmm.iommu().drainFaults();
  }

  private void says(boolean stopped, boolean blocked, String text) {
    assertThat(device.dmaStopped()).as("stopped").isEqualTo(stopped);
    assertThat(device.dmaBlocked()).as("blocked").isEqualTo(blocked);
    assertThat(device).asString().endsWith(text);
    assertThat(f.domainOf(FULL)).as("domain").isEqualTo(blocked ? "blocked" : "vm:a");
    assertThat(device.state()).isEqualTo(PptState.ASSIGNED);
  }

  @Test
  void i16_tooManyFaultsCutBusMasteringUntilTheDeviceIsAssignedAnew() {
    says(false, false, " ASSIGNED to a");
    tooManyFaults();
    assertThat(told).singleElement().satisfies(event -> assertThat(event.failure()).isEmpty());
    assertThat(busMaster()).isFalse();
    says(true, false, " ASSIGNED to a, bus mastering cut");
    // Nothing that the guest can do turns it on.
    device.setupMsi(0xfee0_0000L, 0x40, 1);
    assertThat(busMaster()).isFalse();
    device.unassign();
    assertThat(device.dmaStopped()).isFalse();
    assertThat(device).asString().endsWith(" PARKED");
    f.driver.assign(FULL, vm);
    assertThat(busMaster()).isTrue();
    says(false, false, " ASSIGNED to a");
  }

  @Test
  void i16_aDeviceThatDoesNotTakeTheCutIsBlockedAndToldOf() {
    f.full.readOnlyBits(4, 0x4);
    tooManyFaults();
    assertThat(told)
        .singleElement()
        .satisfies(
            event -> {
              assertThat(event.failure()).isPresent();
              assertThat(event.blocked()).isTrue();
            });
    says(true, true, " ASSIGNED to a, blocked after too many faults");
    f.full.writableBits(4, new byte[] {7});
    device.unassign();
    f.driver.assign(FULL, vm);
    says(false, false, " ASSIGNED to a");
  }

  @Test
  void i16_aDeviceThatGoesOnAfterTheCutIsBlockedAndSaysSo() {
    tooManyFaults();
    says(true, false, " ASSIGNED to a, bus mastering cut");
    tooManyFaults();
    assertThat(busMaster()).isFalse();
    says(true, true, " ASSIGNED to a, blocked after too many faults");
  }

  @Test
  void i16_aDeviceThatCannotBeStoppedDoesNotPassForOneThatIs() {
    f.full.readOnlyBits(4, 0x4);
    f.provider.plan.failNth(FakePlan.Kind.MOVE, 1, Errno.EIO);
    tooManyFaults();
    says(false, false, " ASSIGNED to a, its DMA could not be stopped");
    tooManyFaults(); // it is tried again
    says(true, true, " ASSIGNED to a, blocked after too many faults");
    f.full.writableBits(4, new byte[] {7});
    device.unassign();
  }
}
