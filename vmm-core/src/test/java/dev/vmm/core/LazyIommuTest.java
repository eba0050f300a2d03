package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The one start, who is where from then on, and the end. */
class LazyIommuTest {
  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");

  private final HeldVms vms = new HeldVms();

  @Test
  void i01_plainVmsAskNothingOfAnyBackEnd() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 2L << 20, Access.READ_WRITE);
      vm.bus().store64(0x1000, 42);
      assertThat(vm.bus().load64(0x1000)).isEqualTo(42);
      vm.close();
      assertThat(vmm.sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
    }
    assertThat(fake.plan.calls()).isEmpty();
    assertThat(fake.probes).hasValue(0);
  }

  @Test
  void i02_everyFunctionIsInItsHomeBeforeTranslationGoesOn() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x8086, 0x100e, 0x020000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid claimed = Rid.parse("00:01.0");
      vmm.iommu().claim(List.of(claimed));
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 2L << 20, Access.READ_WRITE);
      TestDevice device = new TestDevice(vmm, vm, claimed);
      assertThat(vmm.iommu().startTime()).isEmpty();
      device.assign();
      assertThat(vmm.iommu().startTime()).hasValueSatisfying(time -> assertThat(time).isPositive());
      assertThat(fake.plan.calls())
          .containsExactly(
              "OPEN",
              "CREATE_DOMAIN host 0x3ffffff",
              "MAP host 0x0 0x0 0x4000000",
              "CREATE_DOMAIN blocked 0x7fffffffff",
              "MOVE [0000:00:01.0] blocked",
              "MOVE [0000:00:02.0] host",
              "ENABLE",
              "CREATE_DOMAIN vm:guest 0x7fffffffff",
              String.format("MAP vm:guest 0x0 0x%x 0x200000", vm.memory().get(0).hpa()),
              "MOVE [0000:00:01.0] vm:guest");
      device.unassign();
      assertThat(fake.current().places()).containsEntry(claimed, "blocked");
    }
    assertThat(fake.plan.count(Kind.CLOSE)).isEqualTo(1);
    assertThat(fake.violations).isEmpty();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i03_noBackEndIsRefusedWithTheExactWords() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults())) {
      VirtualMachine vm = vmm.createVm("guest");
      assertThatThrownBy(() -> new TestDevice(vmm, vm, Rid.parse("00:01.0")).assign())
          .hasMessageStartingWith("I/O MMU is not present or is disabled: there is no back end");
    }
  }

  @Test
  void i03_aDisabledIommuIsRefusedWithTheReasonAndNothingIsLoaded() {
    Tunables off = Tunables.of(Map.of("hw.vmm.iommu.enable", "0"));
    try (Vmm vmm = Vmms.open(machine, off, fake)) {
      VirtualMachine vm = vmm.createVm("guest");
      VmmException refusal =
          catchThrowableOfType(
              VmmException.class, () -> new TestDevice(vmm, vm, Rid.parse("00:01.0")).assign());
      assertThat(refusal.errno()).isEqualTo(Errno.ENXIO);
      assertThat(refusal)
          .hasMessageStartingWith(
              "I/O MMU is not present or is disabled: hw.vmm.iommu.enable=0 forbids it");
      assertThat(vm.domain()).isEmpty();
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.DISABLED);
    }
    assertThat(fake.probes).hasValue(0);
  }

  @Test
  void i03_i04_aFailedStartIsRefusedByAssignAndKeepsNobodyFromTryingAgain() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid first = Rid.parse("00:01.0");
      Rid second = Rid.parse("00:02.0");
      vmm.iommu().claim(List.of(first));
      fake.plan.failNth(Kind.OPEN, 1, Errno.ENOMEM);
      TestDevice device = new TestDevice(vmm, vms.held(vmm.createVm("guest")), first);
      VmmException refusal = catchThrowableOfType(VmmException.class, device::assign);
      assertThat(refusal.errno()).isEqualTo(Errno.ENXIO);
      assertThat(refusal)
          .hasMessage(
              "I/O MMU is not present or is disabled: its last start failed with ENOMEM:"
                  + " injected failure of OPEN 1; remove that cause and assign again: each assign"
                  + " starts it anew");
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.FAILED);
      assertThat(vmm.iommu().failure().orElseThrow().errno()).isEqualTo(Errno.ENOMEM);
      assertThat(vmm.iommu().status()).anySatisfy(line -> assertThat(line).contains("ENOMEM"));
      // What is present did not change: a new device is let in, and its assign tries again.
      assertThat(vmm.iommu().present()).isEqualTo(new Presence(true, "fake", "1 fake unit"));
      vmm.iommu().claim(List.of(second));
      new TestDevice(vmm, vms.held(vmm.createVm("other")), second).assign();
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.ON);
      assertThat(vmm.iommu().failure()).isEmpty();
    }
  }

  @Test
  void i11_aUnitOwnedBySomebodyElseIsEbusyInTheCause() {
    Vmm first = Vmms.open(machine, Tunables.defaults(), fake);
    try (Vmm second = Vmms.open(machine, Tunables.defaults(), fake)) {
      new TestDevice(first, vms.held(first.createVm("a")), Rid.parse("00:01.0")).assign();
      VmmException refusal =
          catchThrowableOfType(
              VmmException.class,
              () ->
                  new TestDevice(second, vms.held(second.createVm("b")), Rid.parse("00:02.0"))
                      .assign());
      assertThat(refusal.errno()).isEqualTo(Errno.ENXIO);
      assertThat(refusal).hasMessageContaining("EBUSY");
      assertThat(second.iommu().failure().orElseThrow().errno()).isEqualTo(Errno.EBUSY);
      first.close();
      new TestDevice(second, vms.held(second.createVm("c")), Rid.parse("00:02.0")).assign();
      assertThat(second.iommu().state()).isEqualTo(IommuState.ON);
    }
  }

  @Test
  void i04_aUnitThatDoesNotTurnOnIsAFailedStart() {
    FakeIommuProvider dead =
        new FakeIommuProvider("dead") {
          @Override
          public boolean ignoresEnable() {
            return true;
          }
        };
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), dead)) {
      assertThatThrownBy(
              () -> new TestDevice(vmm, vms.held(vmm.createVm("a")), Rid.parse("00:01.0")).assign())
          .hasMessageContaining("had no effect");
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.FAILED);
      assertThat(dead.current().closed()).isTrue();
    }
  }

  @Test
  void i02_functionsThatAppearLaterJoinTheirHomeAtTheNextAssign() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid assigned = Rid.parse("00:01.0");
      Rid later = Rid.parse("00:03.0");
      Rid laterClaimed = Rid.parse("00:04.0");
      vmm.iommu().claim(List.of(assigned));
      VirtualMachine vm = vmm.createVm("guest");
      new TestDevice(vmm, vm, assigned).assign();
      vmm.iommu().claim(List.of(laterClaimed));
      machine.pci().add("00:03.0", 0x8086, 0x100e, 0x020000);
      machine.pci().add("00:04.0", 0x8086, 0x100e, 0x020000);
      vmm.iommu().rescan();
      assertThat(fake.current().places())
          .containsEntry(assigned, "vm:guest")
          .containsEntry(later, "host")
          .containsEntry(laterClaimed, "blocked");
      assertThat(vmm.iommu().domainNameOf(later)).contains("host");
      machine.pci().add("00:05.0", 0x8086, 0x100e, 0x020000);
      new TestDevice(vmm, vm, laterClaimed).assign();
      assertThat(fake.current().places()).containsEntry(Rid.parse("00:05.0"), "host");
    }
    assertThat(fake.violations).isEmpty();
  }

  @Test
  void i02_aFunctionThatDoesNotAnswerForAMomentStaysInItsVm() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid rid = Rid.parse("00:01.0");
      VirtualMachine vm = vmm.createVm("guest");
      new TestDevice(vmm, vm, rid).assign();
      var function = machine.pci().functions.remove(rid);
      vmm.iommu().rescan();
      machine.pci().functions.put(rid, function);
      vmm.iommu().rescan();
      assertThat(vmm.iommu().domainNameOf(rid)).contains("vm:guest");
    }
  }

  @Test
  void i02_functionsThatNoUnitCoversAreLeftAlone() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0xff0000);
    Rid uncovered = Rid.parse("00:02.0");
    fake.covered = rid -> !rid.equals(uncovered);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      VirtualMachine vm = vmm.createVm("guest");
      new TestDevice(vmm, vm, Rid.parse("00:01.0")).assign();
      vmm.iommu().claim(List.of(uncovered));
      vmm.iommu().unclaim(List.of(uncovered));
      assertThat(fake.current().places()).doesNotContainKey(uncovered);
      assertThat(vmm.iommu().domainNameOf(uncovered)).isEmpty();
      VmmException refusal =
          catchThrowableOfType(
              VmmException.class, () -> new TestDevice(vmm, vm, uncovered).assign());
      assertThat(refusal.errno()).isEqualTo(Errno.ENXIO);
    }
  }

  @Test
  void i09_aConventionalBusIsSeenUnderItsBridgesAlias() {
    var bridge = machine.pci().addBridge("00:02.0", 3, 3);
    // Capabilities list at 40h: PCI Express (10h), Device/Port Type 7 (PCI Express to PCI bridge).
    bridge.config.putShort(0x06, (short) 0x10).put(0x34, (byte) 0x40);
    bridge.config.put(0x40, (byte) 0x10).put(0x41, (byte) 0).putShort(0x42, (short) 0x0072);
    var port = machine.pci().addBridge("00:04.0", 5, 5);
    port.config.putShort(0x06, (short) 0x10).put(0x34, (byte) 0x40);
    port.config.put(0x40, (byte) 0x10).put(0x41, (byte) 0).putShort(0x42, (short) 0x0042);
    machine.pci().add("03:01.0", 0x8086, 0x100e, 0x020000);
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      VirtualMachine vm = vmm.createVm("guest");
      new TestDevice(vmm, vm, Rid.parse("00:01.0")).assign();
      assertThat(fake.current().places())
          .containsEntry(Rid.parse("03:00.0"), "host")
          .containsEntry(Rid.parse("03:01.0"), "host")
          .doesNotContainKey(Rid.parse("05:00.0"));
    }
  }

  @Test
  void whatNeedsTheIommuIsEnxioWhileItIsOff() {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      List<Rid> rids = List.of(Rid.parse("00:01.0"));
      assertThat(catchThrowableOfType(VmmException.class, () -> vmm.iommu().release(rids)).errno())
          .isEqualTo(Errno.ENXIO);
      vmm.iommu().claim(rids);
      vmm.iommu().block(rids, "it hangs");
      vmm.iommu().rescan();
      vmm.iommu().unclaim(rids);
      assertThat(vmm.iommu().drainFaults()).isEmpty();
      assertThat(vmm.iommu().domainNameOf(rids.get(0))).isEmpty();
    }
    assertThat(fake.probes).hasValue(0);
  }

  @Test
  void theHostDomainMapsRegionsThatFirmwareReservesOutsideRam() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    Rid rid = Rid.parse("00:01.0");
    fake.reserved =
        each ->
            each.equals(rid)
                ? List.of(
                    new ReservedRegion(
                        AddressRange.between(0x7f000800L, 0x7f002000L), Access.READ_WRITE, "RMRR"),
                    new ReservedRegion(
                        AddressRange.between(1L << 60, (1L << 60) + 4096),
                        Access.READ_WRITE,
                        "lie"))
                : List.of();
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      new TestDevice(vmm, vms.held(vmm.createVm("guest")), Rid.parse("00:02.0")).assign();
      assertThat(fake.plan.calls())
          .contains(
              "CREATE_DOMAIN host 0x7f001fff",
              "MAP host 0x0 0x0 0x4000000",
              "MAP host 0x7f000000 0x7f000000 0x2000");
      assertThat(logs.warnings()).singleElement().asString().contains("lie", "not mapped");
    }
  }

  @Test
  void i16_faultsNameTheirOwnerAndAFailingListenerStopsNobody() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    machine.pci().add("00:02.0", 0x1234, 0x11e8, 0xff0000);
    try (Logs logs = new Logs();
        Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      Rid one = Rid.parse("00:01.0");
      new TestDevice(vmm, vms.held(vmm.createVm("guest")), one).assign();
      List<OwnedFault> heard = new ArrayList<>();
      vmm.iommu()
          .onFault(
              fault -> {
                throw new IllegalStateException("bad listener");
              });
      IommuService.Listening listening = vmm.iommu().onFault(heard::add);
      for (String rid : List.of("00:01.0", "00:02.0", "00:1e.0")) {
        fake.current()
            .record(new DmaFault("fake0", Rid.parse(rid), 0x7000, Access.WRITE, 5, "no write"));
      }
      fake.current().overflow();
      List<OwnedFault> drained = vmm.iommu().drainFaults();
      assertThat(drained)
          .extracting(OwnedFault::domain)
          .containsExactly("vm:guest", "host", "none");
      assertThat(heard).isEqualTo(drained);
      assertThat(logs.warnings())
          .hasSize(4)
          .anySatisfy(line -> assertThat(line).contains("lost DMA faults"))
          .anySatisfy(
              line ->
                  assertThat(line)
                      .contains("write to 0x7000 by 0000:00:01.0 of VM guest", "no write"));
      listening.close();
      fake.current().record(new DmaFault("fake0", one, 0, Access.READ, 6, "no read"));
      assertThat(vmm.iommu().drainFaults()).hasSize(1);
      assertThat(heard).hasSize(3);
    }
  }

  @Test
  void closeGivesTheUnitBackBeforeItFreesTheTables() {
    Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake);
    VirtualMachine vm = vmm.createVm("guest");
    new TestDevice(vmm, vm, Rid.parse("00:01.0")).assign();
    fake.plan.reset();
    vmm.close();
    assertThat(fake.plan.calls())
        .containsExactly(
            "MOVE [0000:00:01.0] host",
            "CLOSE_DOMAIN vm:guest",
            "CLOSE",
            "CLOSE_DOMAIN host",
            "CLOSE_DOMAIN blocked");
    vmm.close();
    assertThat(fake.plan.calls()).hasSize(5);
    assertThat(vmm.iommu().state()).isEqualTo(IommuState.OFF);
    assertThat(vm.destroyed()).isTrue();
    assertThat(catchThrowableOfType(VmmException.class, () -> vmm.createVm("late")).errno())
        .isEqualTo(Errno.ENXIO);
    assertThat(machine.memory().allocatedBytes()).isZero();
  }
}
