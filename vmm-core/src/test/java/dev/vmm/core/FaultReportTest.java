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
import dev.vmm.iommu.WalkStep;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;
import dev.vmm.tunable.Tunables;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
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
  private class Stoppable implements PassthroughDevice {
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
  void i16_noFaultIsToldAsAnothersWhileADeviceChangesHands() throws InterruptedException {
    try (Vmm vmm = open("hw.vmm.iommu.fault_threshold", "0")) {
      List<VirtualMachine> owners = List.of(vm(vmm, "a"), vm(vmm, "b"));
      new Stoppable(vmm, owners.get(0), TWO);
      AtomicBoolean over = new AtomicBoolean();
      AtomicReference<Throwable> failure = new AtomicReference<>();
      Map<String, Integer> told = new ConcurrentHashMap<>();
      Thread device =
          new Thread(
              () -> {
                while (!over.get()) {
                  fake.current().recordWhereItIs(ONE);
                  Thread.yield();
                }
              });
      Thread drain =
          new Thread(
              () -> {
                try {
                  do {
                    for (OwnedFault report : vmm.iommu().drainFaults()) {
                      told.merge(report.domain(), 1, Integer::sum);
                      assertThat(report.domain()).isIn(report.fault().reason(), "unknown");
                    }
                  } while (!over.get());
                } catch (Throwable e) {
                  failure.set(e);
                }
              });
      device.start();
      drain.start();
      try {
        long deadline = System.nanoTime() + 10_000_000_000L;
        List<String> both = List.of("vm:a", "vm:b");
        for (int i = 0; drain.isAlive() && (i < 100 || !told.keySet().containsAll(both)); i++) {
          assertThat(System.nanoTime()).isLessThan(deadline);
          new Stoppable(vmm, owners.get(i % 2), ONE).unassign();
        }
      } finally {
        over.set(true);
        device.join();
        drain.join();
      }
      assertThat(failure).hasNullValue();
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
              FaultReportTest.this.record(ONE, 0x2000, 100);
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
  void i16_whatABackEndThrowsWhereItIsAskedForTheWalkHidesNoFault() {
    try (Vmm vmm = open()) {
      Stoppable device = new Stoppable(vmm, vm(vmm, "guest"), ONE);
      WalkStep step = new WalkStep(2, 0x5008, 0, WalkStep.Why.NOT_PRESENT);
      fake.whereItFails =
          iova -> {
            if (iova == 0x1000) {
              throw new AssertionError("a bug of the back end");
            }
            return Optional.of(step);
          };
      record(ONE, 0x1000, 1);
      record(ONE, 0x2000, 1);
      assertThat(vmm.iommu().drainFaults())
          .extracting(OwnedFault::where)
          .containsExactly(Optional.empty(), Optional.of(step));
      device.unassign();
    }
  }

  @Test
  void i16_anAliasIsTheDevicesThatUseItNowNotOfOneThatIsGone() {
    FakePci.Function bridge = machine.pci().addBridge("00:03.0", 5, 5);
    bridge.config.putShort(0x06, (short) 0x10).put(0x34, (byte) 0x40);
    bridge.config.put(0x40, (byte) 0x10).putShort(0x42, (short) 0x0072);
    Rid first = Rid.parse("05:01.0");
    Rid second = Rid.parse("05:02.0");
    machine.pci().add("05:01.0", 0x1234, 0x11e8, 0xff0000);
    try (Vmm vmm = open()) {
      new Stoppable(vmm, vm(vmm, "guest"), ONE);
      record(ALIAS, 0x1000, 1);
      assertThat(vmm.iommu().drainFaults().get(0).device()).contains(first);
      machine.pci().functions.remove(first);
      machine.pci().add("05:02.0", 0x1234, 0x11e8, 0xff0000);
      vmm.iommu().rescan();
      record(ALIAS, 0x1000, 1);
      assertThat(vmm.iommu().drainFaults().get(0).device()).contains(second);
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
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (fake.current().mutedDrains() < 2 && System.nanoTime() < deadline) {
      Thread.onSpinWait();
    }
    assertThat(fake.current().mutedDrains()).as("drains that failed").isGreaterThan(1);
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

  @Test
  void i16_aWatchGoesOnWhereTheIommuStaysOnForADeviceThatCouldNotBeQuiesced()
      throws InterruptedException {
    BlockingQueue<OwnedFault> heard = new LinkedBlockingQueue<>();
    Vmm vmm = open();
    FaultWatch watch = (FaultWatch) vmm.iommu().watchFaults(Duration.ofMillis(1));
    vmm.iommu().onFault(heard::add);
    new Stoppable(vmm, vm(vmm, "guest"), TWO);
    vmm.iommu().block(List.of(ONE));
    assertThatThrownBy(vmm::close).hasMessageContaining("stays on");
    record(ONE, 0x1000, 1);
    OwnedFault fault = heard.poll(10, TimeUnit.SECONDS);
    assertThat(fault).isNotNull();
    assertThat(fault.owner()).isEqualTo(FaultOwner.PARKED);
    vmm.iommu().unclaim(List.of(ONE));
    vmm.close();
    watch.join();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
