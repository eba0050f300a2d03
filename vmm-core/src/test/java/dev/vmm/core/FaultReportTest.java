package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Whose a fault is, and what comes of too many, on a back end in memory. */
class FaultReportTest {
  private static final Rid ONE = Rid.parse("00:01.0");
  private static final Rid TWO = Rid.parse("00:02.0");
  private static final Rid ALIAS = Rid.parse("05:00.0");

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private final List<VirtualMachine> vms = new ArrayList<>();

  /** A device with an alias, whose DMA can be stopped. */
  private final class Stoppable implements PassthroughDevice {
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

  FaultReportTest() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0xff0000);
  }

  private Vmm open(String... tunables) {
    Map<String, String> values = tunables.length == 0 ? Map.of() : Map.of(tunables[0], tunables[1]);
    return Vmms.open(machine, Tunables.of(values), fake);
  }

  private VirtualMachine vm(Vmm vmm, String name) {
    VirtualMachine vm = vmm.createVm(name);
    vms.add(vm);
    vm.addMemory(0, 0x10_0000, Access.READ_WRITE);
    return vm;
  }

  private void record(Rid rid, long iova, int times) {
    for (int i = 0; i < times; i++) {
      fake.current().record(new DmaFault("fake0", rid, iova, Access.WRITE, 5, "no write"));
    }
  }

  @Test
  void i16_aReportNamesTheDeviceBehindAnAliasItsOwnerAndTheUnmap() {
    try (Vmm vmm = open()) {
      VirtualMachine vm = vm(vmm, "guest");
      vm.addMemory(0x40_0000, 0x2000, Access.READ_WRITE);
      Stoppable device = new Stoppable(vmm, vm, ONE, ALIAS);
      record(ALIAS, 0x40_1000, 1);
      assertThat(vmm.iommu().drainFaults())
          .singleElement()
          .satisfies(report -> assertThat(report.unmappedAgo()).as("mapped still").isEmpty());
      vm.removeMemory(0x40_0000);
      record(ALIAS, 0x40_1000, 1);
      record(ALIAS, 0x80_0000, 1);
      List<OwnedFault> told = vmm.iommu().drainFaults();
      assertThat(told.get(0).device()).contains(ONE);
      assertThat(told.get(0).owner()).isEqualTo(FaultOwner.vm("guest"));
      assertThat(told.get(0).domain()).isEqualTo("vm:guest");
      assertThat(told.get(0).unmappedAgo()).isPresent();
      assertThat(told.get(0).describe())
          .matches(
              "write to 0x401000 by 0000:05:00.0 \\(alias of 0000:00:01.0\\) of VM guest in domain"
                  + " vm:guest refused by fake0, reason 0x5: no write; unmapped \\d+ ms ago");
      assertThat(told.get(1).unmappedAgo()).as("never mapped").isEmpty();
      vm.addMemory(0x40_0000, 0x2000, Access.READ_WRITE);
      record(ONE, 0x40_1000, 1);
      assertThat(vmm.iommu().drainFaults().get(0).unmappedAgo()).as("mapped again").isEmpty();
      device.unassign();
    }
  }

  @Test
  void i16_faultsAroundAMoveAreOfTheOldOwnerOrOfNobodyKnownNeverOfTheNew() {
    try (Vmm vmm = open()) {
      VirtualMachine first = vm(vmm, "first");
      Stoppable device = new Stoppable(vmm, first, ONE);
      record(ONE, 0x1000, 1);
      record(TWO, 0x2000, 1);
      fake.plan.onCall(
          kind -> {
            if (kind == Kind.MOVE) {
              record(ONE, 0x3000, 1);
              record(TWO, 0x4000, 1);
            }
          });
      device.unassign();
      fake.plan.onCall(kind -> {});
      record(ONE, 0x5000, 1);
      new Stoppable(vmm, vm(vmm, "second"), ONE);
      record(ONE, 0x6000, 1);
      assertThat(vmm.iommu().drainFaults())
          .extracting(report -> report.fault().iova() + " " + report.owner())
          .containsExactly(
              0x1000 + " VM first",
              0x2000 + " the host",
              0x3000 + " an unknown owner",
              0x4000 + " the host",
              0x5000 + " the host",
              0x6000 + " VM second");
    }
  }

  @Test
  void i16_whereAUnitCouldNotBeAskedAtAMoveWhatItTellsLaterIsOfNobodyKnown() {
    try (Logs logs = new Logs();
        Vmm vmm = open()) {
      Stoppable device = new Stoppable(vmm, vm(vmm, "first"), ONE);
      new Stoppable(vmm, vm(vmm, "other"), TWO);
      record(ONE, 0x1000, 1);
      record(TWO, 0x2000, 1);
      fake.current().mute(true);
      device.unassign();
      new Stoppable(vmm, vm(vmm, "second"), ONE);
      assertThatThrownBy(() -> vmm.iommu().drainFaults()).isInstanceOf(VmmException.class);
      fake.current().mute(false);
      assertThat(vmm.iommu().drainFaults())
          .extracting(report -> report.owner().toString())
          .containsExactly("an unknown owner", "VM other");
      record(ONE, 0x3000, 1);
      assertThat(vmm.iommu().drainFaults())
          .extracting(report -> report.owner().toString())
          .containsExactly("VM second");
      assertThat(logs.warnings()).anyMatch(line -> line.contains("could not be read"));
    }
  }

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
      // A device that its driver cannot stop is told of, too, and tried again.
      other.refusal = new VmmException(Errno.EIO, "does not take it");
      record(TWO, 0x2000, 21);
      vmm.iommu().drainFaults();
      assertThat(told).hasSize(2);
      assertThat(told.get(1).failure()).contains(other.refusal);
      other.refusal = null;
      record(TWO, 0x2000, 21);
      vmm.iommu().drainFaults();
      assertThat(other.stops).hasValue(1);
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

  @Test
  void i16_aWatchTakesFaultsByItselfUntilItOrThePlatformIsClosed() throws InterruptedException {
    BlockingQueue<OwnedFault> heard = new LinkedBlockingQueue<>();
    Vmm vmm = open();
    FaultWatch first = (FaultWatch) vmm.iommu().watchFaults(Duration.ofMillis(1));
    FaultWatch second = (FaultWatch) vmm.iommu().watchFaults(Duration.ofDays(1000));
    vmm.iommu().onFault(heard::add);
    new Stoppable(vmm, vm(vmm, "guest"), ONE);
    record(ONE, 0x1000, 1);
    OwnedFault fault = heard.poll(10, TimeUnit.SECONDS);
    assertThat(fault).isNotNull();
    assertThat(fault.owner().name()).isEqualTo("guest");
    // A unit that fails for a while does not end it.
    fake.current().mute(true);
    record(ONE, 0x2000, 1);
    fake.current().mute(false);
    assertThat(heard.poll(10, TimeUnit.SECONDS)).isNotNull();
    first.close();
    first.close();
    first.join();
    assertThat(second.alive()).isTrue();
    vmm.close();
    second.join();
    FaultWatch late = (FaultWatch) vmm.iommu().watchFaults(Duration.ofMillis(1));
    late.join();
    assertThatThrownBy(() -> vmm.iommu().watchFaults(Duration.ZERO))
        .hasMessageContaining("1 ms at least");
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
