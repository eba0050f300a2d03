package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.VmmException;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.WalkStep;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Whose a fault is, and where it was refused. */
class FaultReportTest extends FaultFixture {
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
}
