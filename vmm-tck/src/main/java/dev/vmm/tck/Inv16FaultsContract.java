package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.DmaStopped;
import dev.vmm.core.FaultCount;
import dev.vmm.core.FaultOwner;
import dev.vmm.core.FaultStatistics;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.FaultKind;
import dev.vmm.iommu.WalkStep;
import dev.vmm.machine.DmaEngine;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Each fault is told once, to those who asked, with all that the unit knows. */
abstract class Inv16FaultsContract extends ContractPart {
  @Test
  void i16_aFaultIsToldOnceWithUnitDeviceOwnerAddressDirectionAndReason() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      DmaEngine engine = bench.guestEngine(vm);
      long hole = 0x0080_0000;
      byte[] before = bench.hostBytes(hole, 64);
      List<OwnedFault> heard = new ArrayList<>();
      try (var listening = bench.vmm().iommu().onFault(heard::add)) {
        assertThat(listening).isNotNull();
        engine.fromMemory(0, 0, 64);
        engine.toMemory(0, hole, 64);
        assertThat(bench.hostBytes(hole, 64)).isEqualTo(before);
        List<OwnedFault> told = bench.faults();
        assertThat(heard).isEqualTo(told);
        if (!stage().has(Capability.FAULT_REPORTS)) {
          assertThat(told).isEmpty();
          return;
        }
        assertThat(told).as("one DMA, one fault").hasSize(1);
        OwnedFault fault = told.get(0);
        assertThat(fault.domain()).isEqualTo("vm:guest");
        assertThat(fault.owner()).isEqualTo(new FaultOwner(FaultOwner.Kind.VM, "guest"));
        assertThat(fault.device()).contains(bench.rid());
        assertThat(fault.fault().kind()).isEqualTo(FaultKind.DMA);
        assertWalkEnds(bench, vm, fault);
        assertThat(fault.unmappedAgo()).as("nothing was ever mapped there").isEmpty();
        assertThat(fault.fault().rid()).isEqualTo(bench.rid());
        assertThat(fault.fault().iova()).isEqualTo(hole);
        assertThat(fault.fault().access()).isEqualTo(Access.WRITE);
        assertThat(fault.fault().unit()).isNotBlank();
        assertThat(fault.fault().reason()).isNotBlank();
        assertThat(bench.faults()).as("a fault is told once").isEmpty();
        engine.fromMemory(hole + 0x3000, 0, 64);
        assertThat(bench.faults())
            .singleElement()
            .satisfies(
                read -> {
                  assertThat(read.fault().access()).isEqualTo(Access.READ);
                  assertThat(read.fault().iova()).isEqualTo(hole + 0x3000);
                });
      }
    }
  }

  /** A back end need not tell where a walk ends; what it tells is what memory holds there. */
  private void assertWalkEnds(Bench bench, VirtualMachine vm, OwnedFault fault) {
    Domain domain = vm.domain().orElseThrow();
    assertThat(fault.where())
        .isEqualTo(domain.whereItFails(fault.fault().iova(), fault.fault().access()));
    fault
        .where()
        .ifPresent(
            step -> {
              assertThat(step.level()).isBetween(1, 6);
              assertThat(step.why()).isEqualTo(WalkStep.Why.NOT_PRESENT);
              assertThat(bench.machine().memory().read64(step.hpa())).isEqualTo(step.entry());
              assertThat(fault.describe()).contains("walk ends at level " + step.level());
            });
    assertThat(domain.whereItFails(0, Access.READ_WRITE)).as("mapped").isEmpty();
  }

  @Test
  void i16_aFaultWhereMemoryWasTakenAwaySaysHowLongAgo() {
    DmaPort port = stage().port();
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      vm.addMemory(0x2000_0000, 0x2000, Access.READ_WRITE);
      port.write(bench.rid(), 0x2000_0000);
      assertThat(bench.faults()).isEmpty();
      vm.removeMemory(0x2000_0000);

      port.write(bench.rid(), 0x2000_1000);
      List<OwnedFault> told = bench.faults();

      assertThat(told).hasSize(stage().has(Capability.FAULT_REPORTS) ? 1 : 0);
      for (OwnedFault fault : told) {
        assertThat(fault.unmappedAgo()).hasValueSatisfying(ago -> assertThat(ago).isPositive());
        assertThat(fault.describe()).containsPattern("unmapped \\d+ ms ago");
      }
    }
  }

  @Test
  void i16_aFaultOfADeviceThatIsGivenOnBeforeItIsTakenStaysTheFirstOwners() {
    DmaPort port = stage().port();
    try (Bench bench = stage().bench()) {
      VirtualMachine first = bench.guest("first");
      VirtualMachine second = bench.guest("second");
      bench.bareDevice().assign(first);
      port.write(bench.rid(), 0x0080_0000);
      bench.bareDevice().unassign();
      bench.bareDevice().assign(second);
      if (port.direct()) {
        port.write(bench.rid(), 0x0090_0000);
      }
      List<String> expected = new ArrayList<>();
      if (stage().has(Capability.FAULT_REPORTS)) {
        expected.add("VM first 0x800000");
        if (port.direct()) {
          expected.add("VM second 0x900000");
        }
      }
      assertThat(bench.faults())
          .extracting(fault -> fault.owner() + " 0x" + Long.toHexString(fault.fault().iova()))
          .isEqualTo(expected);
    }
  }

  @Test
  void i16_pastTheThresholdBusMasteringIsCutAndTheOwnerTold() {
    DmaPort port = stage().port();
    Tunables tunables = stage().subject().tunables().with("hw.vmm.iommu.fault_threshold", "2");
    boolean reports = stage().has(Capability.FAULT_REPORTS);
    try (Bench bench = stage().bench(tunables)) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      List<DmaStopped> told = new ArrayList<>();
      try (var listening = vm.onDmaStopped(told::add)) {
        assertThat(listening).isNotNull();
        for (int i = 0; i < 3; i++) {
          assertThat(told).isEmpty();
          port.write(bench.rid(), 0x0080_0000 + i * 0x1000);
          bench.faults();
        }
      }
      PptDevice device = bench.ppt().device(bench.rid()).orElseThrow();
      assertThat(told).hasSize(reports ? 1 : 0);
      assertThat(told).allMatch(event -> event.failure().isEmpty() && event.device() == device);
      assertThat(device.dmaStopped()).isEqualTo(reports);
      assertThat(device.state()).isEqualTo(PptState.ASSIGNED);
      assertThat(bench.command(bench.rid()) & 0x4).isEqualTo(reports ? 0 : 0x4);
      if (reports) {
        // As the guest drives it: what it could reach before it reaches no more.
        DmaEngine engine = bench.guestEngine(vm);
        vm.bus().storeBytes(0x1000, Bench.pattern(16, 8));
        try {
          engine.toMemory(0, 0x1000, 8);
        } catch (VmmException e) {
          assertThat(e.errno()).as("a device may never finish").isEqualTo(Errno.ETIMEDOUT);
        }
        assertThat(vm.bus().loadBytes(0x1000, 8)).isEqualTo(Bench.pattern(16, 8));
      }
    }
  }

  @Test
  void i16_aStormOfOneDeviceHidesNoFaultOfAnother() {
    needs(Capability.FAULT_REPORTS);
    DmaPort port = stage().port();
    List<Rid> endpoints = stage().endpoints();
    Assumptions.assumeTrue(
        port.direct() && endpoints.size() > 1, "one device here makes DMA at will");
    Rid quiet = endpoints.get(1);
    int rounds = 300;
    try (Bench bench = stage().bench()) {
      bench.bareDevice().assign(bench.guest("storm"));
      TckDevice other = new TckDevice(quiet, bench.vmm().iommu());
      other.assign(bench.guest("quiet"));
      Map<String, Integer> heard = new TreeMap<>();
      try (var listening =
          bench.vmm().iommu().onFault(f -> heard.merge(f.owner().name(), 1, Integer::sum))) {
        assertThat(listening).isNotNull();
        for (int i = 0; i < rounds; i++) {
          port.write(bench.rid(), 0x0080_0000);
          if (i % 50 == 0) {
            port.write(quiet, 0x0090_0000);
          }
          bench.faults();
        }
      }
      FaultStatistics statistics = bench.vmm().iommu().faultStatistics();
      assertThat(heard.get("quiet")).isEqualTo(rounds / 50);
      assertThat(statistics.of(quiet).suppressed()).isZero();
      FaultCount storm = statistics.of(bench.rid());
      assertThat(storm.faults()).isEqualTo(rounds);
      assertThat(storm.suppressed())
          .isPositive()
          .isEqualTo(rounds - heard.getOrDefault("storm", 0));
      other.unassign();
    }
  }

  @Test
  void i16_aWriteToReadOnlyMemoryIsBlockedAndTold() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("guest");
      vm.addMemory(0x2000_0000, 0x2000, Access.READ);
      bench.bareDevice().assign(vm);
      vm.bus().storeBytes(0, Bench.pattern(3, 64));
      bench.asHost(
          engine -> {
            engine.fromMemory(0, 0, 64);
            engine.fromMemory(0x2000_0000, 64, 64);
          });
      assertThat(bench.faults()).isEmpty();

      // Not the page that was read: QEMU records no fault where its IOTLB has a read-only entry.
      bench.asHost(engine -> engine.toMemory(0, 0x2000_1000, 64));

      assertThat(vm.bus().loadBytes(0x2000_1000, 64)).containsOnly(0);
      assertThat(bench.faults())
          .hasSize(stage().has(Capability.FAULT_REPORTS) ? 1 : 0)
          .allMatch(fault -> fault.fault().access() == Access.WRITE);
    }
  }
}
