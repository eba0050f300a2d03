package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakePlan.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What comes of a device that makes too many faults. */
class FaultThresholdTest extends FaultFixture {
  @Test
  void i16_pastTheThresholdBusMasteringOfTheDeviceIsCutAndItsOwnerTold() {
    try (Vmm vmm = open("hw.vmm.iommu.fault_threshold", "20")) {
      VirtualMachine vm = vm(vmm, "guest");
      VirtualMachine innocent = vm(vmm, "innocent");
      Stoppable device = new Stoppable(vmm, vm, ONE, ALIAS);
      Stoppable other = new Stoppable(vmm, innocent, TWO);
      List<DmaStopped> told = new ArrayList<>();
      vm.onDmaStopped(told::add);
      innocent.onDmaStopped(told::add);
      record(ONE, 0x1000, 10);
      record(ALIAS, 0x1000, 10);
      record(TWO, 0x2000, 20);
      vmm.iommu().drainFaults();
      assertThat(told).isEmpty();
      record(ONE, 0x3000, 1);
      vmm.iommu().drainFaults();
      assertThat(device.stops).hasValue(1);
      assertThat(other.stops).hasValue(0);
      assertThat(told)
          .singleElement()
          .satisfies(
              event -> {
                assertThat(event.device()).isSameAs(device);
                assertThat(event.vmName()).isEqualTo("guest");
                assertThat(event.failure()).isEmpty();
                assertThat(event.last().fault().iova()).isEqualTo(0x3000);
                assertThat(event.toString()).contains("bus mastering is cut", "VM guest");
              });
      assertThat(vmm.iommu().faultStatistics().devices().get(ONE).stops()).isEqualTo(1);
      assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("vm:guest");
    }
  }

  @Test
  void i16_aDeviceThatDoesNotTakeTheCutIsBlockedUntilItIsUnassigned() {
    try (Vmm vmm = open("hw.vmm.iommu.fault_threshold", "20")) {
      VirtualMachine vm = vm(vmm, "guest");
      Stoppable device = new Stoppable(vmm, vm, ONE);
      List<DmaStopped> told = new ArrayList<>();
      vm.onDmaStopped(told::add);
      device.refusal = new VmmException(Errno.EIO, "does not take it");
      // Neither works: it is tried again at the next threshold.
      fake.plan.failNth(Kind.MOVE, 1, Errno.ETIMEDOUT);
      record(ONE, 0x2000, 21);
      vmm.iommu().drainFaults();
      assertThat(told).singleElement().satisfies(e -> assertThat(e.blocked()).isFalse());
      assertThat(told.get(0).failure()).contains(device.refusal);
      assertThat(told.get(0).failure().orElseThrow().getSuppressed()).hasSize(1);
      assertThat(told.get(0).toString()).contains("could not be stopped", "does not take it");
      assertThat(vmm.iommu().faultStatistics().of(ONE).stops()).isZero();

      record(ONE, 0x2000, 21);
      vmm.iommu().drainFaults();
      assertThat(told).hasSize(2);
      assertThat(told.get(1).blocked()).isTrue();
      assertThat(told.get(1).failure()).contains(device.refusal);
      assertThat(told.get(1).toString()).contains("does not take it; it is blocked", "VM guest");
      assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("blocked");
      assertThat(vmm.iommu().faultStatistics().of(ONE).stops()).isEqualTo(1);
      assertThat(vm.devices()).containsExactly(device);
      // What it goes on with is nobody's any more, and counted only.
      record(ONE, 0x2000, 50);
      assertThat(vmm.iommu().drainFaults())
          .allMatch(report -> report.owner().equals(FaultOwner.PARKED));
      assertThat(told).hasSize(2);
      vmm.iommu().rescan();
      assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("blocked");
      device.unassign();
      assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("host");
      assertThat(vm.domain()).isEmpty();
    }
    assertThat(fake.violations).isEmpty();
  }

  @Test
  void i16_aDeviceThatGoesOnThoughItsBusMasteringIsCutIsBlocked() {
    try (Vmm vmm = open("hw.vmm.iommu.fault_threshold", "20")) {
      VirtualMachine vm = vm(vmm, "guest");
      List<DmaStopped> told = new ArrayList<>();
      vm.onDmaStopped(told::add);
      // While it is cut the unit records on: that is not held against it.
      Stoppable device =
          new Stoppable(vmm, vm, ONE) {
            @Override
            public void stopDma(VirtualMachine owner) {
              FaultThresholdTest.this.record(ONE, 0x2000, 100);
              super.stopDma(owner);
            }
          };
      record(ONE, 0x2000, 21);
      vmm.iommu().drainFaults();
      record(ONE, 0x2000, 20);
      vmm.iommu().drainFaults();
      assertThat(told).singleElement().satisfies(e -> assertThat(e.blocked()).isFalse());
      assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("vm:guest");
      record(ONE, 0x3000, 1);
      vmm.iommu().drainFaults();
      assertThat(told).hasSize(2);
      assertThat(told.get(1).blocked()).isTrue();
      assertThat(told.get(1).failure()).isEmpty();
      assertThat(told.get(1).toString()).contains("went on after bus mastering was cut", "blocked");
      assertThat(device.stops).hasValue(1);
      assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("blocked");
      device.unassign();
      new Stoppable(vmm, vm, ONE);
      assertThat(vmm.iommu().domainNameOf(ONE)).hasValue("vm:guest");
    }
  }

  @Test
  void i16_aThresholdOfZeroCutsNobody() {
    try (Vmm vmm = open("hw.vmm.iommu.fault_threshold", "0")) {
      Stoppable device = new Stoppable(vmm, vm(vmm, "guest"), ONE);
      record(ONE, 0x1000, 10_000);
      vmm.iommu().drainFaults();
      assertThat(device.stops).hasValue(0);
    }
  }

  @Test
  void i16_aBusyVmHoldsUpNobodyAndItsDeviceIsCutLater() throws InterruptedException {
    try (Vmm vmm = open("hw.vmm.iommu.fault_threshold", "1")) {
      VirtualMachine vm = vm(vmm, "guest");
      Stoppable device = new Stoppable(vmm, vm, ONE);
      CountDownLatch held = new CountDownLatch(1);
      CountDownLatch go = new CountDownLatch(1);
      AtomicReference<Throwable> failure = new AtomicReference<>();
      Thread busy =
          new Thread(
              () -> {
                try {
                  vm.admit(
                      new TestDevice(vmm, vm, TWO),
                      domain -> {
                        held.countDown();
                        await(go);
                      });
                } catch (Throwable e) {
                  failure.set(e);
                }
              });
      busy.start();
      await(held);
      record(ONE, 0x1000, 5);
      assertThat(vmm.iommu().drainFaults()).hasSize(5);
      assertThat(device.stops).hasValue(0);
      go.countDown();
      busy.join();
      assertThat(failure).hasNullValue();
      vmm.iommu().drainFaults();
      assertThat(device.stops).hasValue(1);
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
