package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.DmaEngine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every function is in exactly one domain, and its DMA goes where that domain leads. */
abstract class Inv02OneDomainContract extends ContractPart {
  private static final long PAGE = 0x1000;

  @Test
  void i02_everyCoveredFunctionIsInExactlyOneDomainFromTheStart() {
    try (Bench bench = stage().bench()) {
      bench.guestWithBareDevice("guest");

      for (PciFunction function : stage().functions()) {
        Optional<String> domain = bench.domainOf(function.rid());
        boolean guests = function.rid().equals(bench.rid());
        domain.ifPresent(
            name -> assertThat(name).as("%s", function).isEqualTo(guests ? "vm:guest" : "host"));
        if (stage().has(Capability.INSPECTION)) {
          assertThat(bench.entries(function.rid()))
              .filteredOn(entry -> entry.tableRoot() != 0)
              .as("entries of %s that translate, in domain %s", function, domain)
              .hasSize(domain.isPresent() ? 1 : 0);
        }
      }
      assertThat(bench.domainOf(bench.rid())).hasValue("vm:guest");
    }
  }

  @Test
  void i02_theUnitsHoldWhatThePlatformSays() {
    if (!stage().has(Capability.INSPECTION)) {
      assertThat(stage().provider().inspector()).isEmpty();
      return;
    }
    try (Bench bench = stage().bench()) {
      bench.guestWithBareDevice("guest");

      List<UnitReport> units = stage().units();
      assertThat(units).allMatch(UnitReport::enabled);
      assertThat(units).allSatisfy(unit -> assertThat(unit.problems()).isEmpty());
      DeviceEntryReport own = bench.entries(bench.rid()).get(0);
      UnitReport unit =
          units.stream().filter(u -> u.devices().contains(own)).findFirst().orElseThrow();
      assertThat(
              unit.devices().stream()
                  .filter(entry -> !entry.rid().equals(bench.rid()))
                  .map(DeviceEntryReport::tableRoot)
                  .filter(root -> root != 0) // an entry that only blocks has no tables
                  .distinct())
          .as("tables of all others: the host domain's")
          .hasSizeLessThanOrEqualTo(1)
          .doesNotContain(own.tableRoot());
    }
  }

  @Test
  void i02_functionsThatAppearLaterJoinTheHostDomain() {
    needs(Capability.VIRTUAL_FUNCTIONS);
    try (Bench bench = stage().bench()) {
      bench.guestWithBareDevice("guest");
      try (VirtualFunctions vfs = VirtualFunctions.enable(stage().machine(), 2)) {
        assertThat(vfs.rids()).hasSize(2);
        bench.vmm().iommu().rescan();
        assertThat(vfs.rids()).allSatisfy(rid -> assertThat(bench.domainOf(rid)).hasValue("host"));
      }
    }
  }

  @Test
  void i02_aVirtualFunctionIsTranslatedByItsOwnRequesterId() {
    needs(Capability.VIRTUAL_FUNCTIONS);
    DmaPort port = stage().port();
    try (VirtualFunctions vfs = VirtualFunctions.enable(stage().machine(), 1);
        Bench bench = stage().bench(vfs.excused(stage().subject().tunables()))) {
      Rid vf = vfs.rids().get(0);
      VirtualMachine vm = bench.guest("guest");
      bench.ppt().attach(vf);
      bench.ppt().assign(vf, vm);

      assertThat(bench.domainOf(vf)).hasValue("vm:guest");
      assertThat(bench.domainOf(vfs.pf())).hasValue("host");
      if (stage().has(Capability.INSPECTION)) {
        assertThat(bench.entries(vf)).hasSize(1);
        assertThat(bench.entries(vf).get(0).tableRoot())
            .isNotEqualTo(bench.entries(vfs.pf()).get(0).tableRoot());
      }
      if (port.direct()) {
        Reach reach = new Reach(port, stage().machine().memory());
        long hpa = vm.memory().get(1).hpa();
        reach.reaches(vf, 0x1000_0000, hpa, Access.READ_WRITE, "VF in the guest");
        reach.blocked(vf, hpa, "VF in the guest, by hpa", hpa);
        reach.reaches(vfs.pf(), hpa, hpa, Access.READ_WRITE, "PF in the host");
      }
    }
  }

  @Test
  void i02_functionsOfEverySegmentAreTranslatedByTheirOwnTables() {
    Map<Integer, Rid> bySegment = new TreeMap<>();
    stage().endpoints().forEach(rid -> bySegment.putIfAbsent(rid.segment(), rid));
    assumeTrue(bySegment.size() > 1, () -> stage().subject() + " has one segment");
    DmaPort port = stage().port();
    assumeTrue(port.direct(), "DMA of functions without a driver");
    Reach reach = new Reach(port, stage().machine().memory());
    try (SpiSession session = stage().session()) {
      long hpa = session.memory(bySegment.size() * PAGE, PAGE);
      Map<Rid, Long> own = new TreeMap<>();
      for (Rid rid : bySegment.values()) {
        long page = hpa + own.size() * PAGE;
        own.put(rid, page);
        Domain domain = session.domain("of " + rid);
        domain.map(0x4000, page, PAGE, Access.READ_WRITE);
        session.iommu().move(List.of(rid), domain);
      }
      session.iommu().enable();
      own.forEach((rid, page) -> reach.reaches(rid, 0x4000, page, Access.READ_WRITE, "its own"));
      Domain empty = session.domain("empty");
      Rid first = bySegment.values().iterator().next();
      session.iommu().move(List.of(first), empty);
      own.remove(first);
      reach.blocked(first, 0x4000, "moved", hpa);
      own.forEach((rid, page) -> reach.reaches(rid, 0x4000, page, Access.READ_WRITE, "beside"));
    }
  }

  /** A unit may remember that there was nothing for it, not even a table of its bus. */
  @Test
  void i02_aFunctionThatNobodyMovedReachesNothingAndItsDomainAsSoonAsItIsMoved() {
    moveLate(0);
  }

  /** More at once than a unit's queue of invalidations may hold. */
  @Test
  void i02_aFunctionThatMovesTogetherWithHundredsOfIdsReachesItsDomainAtOnce() {
    moveLate(600);
  }

  private void moveLate(int others) {
    DmaPort port = stage().port();
    assumeTrue(port.direct(), "DMA that is blocked takes an engine long");
    Reach reach = new Reach(port, stage().machine().memory());
    Rid late = stage().engineRid();
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      long hpa = session.memory(PAGE, PAGE);
      Domain home = session.domain("home");
      Domain many = session.domain("many");
      many.map(0x4000, hpa, PAGE, Access.READ_WRITE);
      iommu.enable();
      reach.blocked(late, 0x4000, "never moved", hpa);
      reach.blocked(late, hpa, "never moved, by hpa", hpa);
      // First, so that what is done for it comes first, and is the first to get lost.
      List<Rid> together =
          Stream.concat(
                  Stream.of(late),
                  Stream.iterate(0x5000, id -> id + 1)
                      .limit(others)
                      .map(id -> Rid.of(late.segment(), id))
                      .filter(id -> iommu.unitOf(id).isPresent()))
              .toList();

      iommu.move(together, many);

      reach.reaches(late, 0x4000, hpa, Access.READ_WRITE, "moved with " + together.size());
      iommu.move(together, home);
      reach.blocked(late, 0x4000, "moved back", hpa);
      assertThat(together).allSatisfy(rid -> assertThat(iommu.domainOf(rid)).hasValue(home));
      iommu.drainFaults();
    }
  }

  @Test
  void i02_twoGuestsWithTheSameGpasReachOnlyTheirOwnMemory() {
    try (Bench bench = stage().bench()) {
      VirtualMachine one = bench.guest("one");
      VirtualMachine two = bench.guest("two");
      bench.ppt().attach(bench.rid());
      byte[] first = Bench.pattern(11, 128);
      byte[] second = Bench.pattern(12, 128);
      one.bus().storeBytes(0x1000, first);
      two.bus().storeBytes(0x1000, second);
      bench.ppt().assign(bench.rid(), one);
      DmaEngine engine = bench.guestEngine(one);
      engine.fromMemory(0x1000, 0, 128);
      bench.ppt().unassign(bench.rid(), one);

      bench.ppt().assign(bench.rid(), two);
      engine = bench.guestEngine(two);
      engine.toMemory(0, 0x3000, 128);
      assertThat(one.bus().loadBytes(0x3000, 128)).containsOnly(0);
      engine.fromMemory(0x1000, 0, 128);
      engine.toMemory(0, 0x2000, 128);

      assertThat(two.bus().loadBytes(0x2000, 128)).isEqualTo(second);
      assertThat(one.bus().loadBytes(0x2000, 128)).containsOnly(0);
      assertThat(one.bus().loadBytes(0x1000, 128)).isEqualTo(first);
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void i02_guestDmaGoesBothWaysThroughGpas() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      DmaEngine engine = bench.guestEngine(vm);
      int length = engine.bufferBytes();
      byte[] sent = Bench.pattern(1, length);
      vm.bus().storeBytes(0x20_0000, sent);

      engine.fromMemory(0x20_0000, 0, length);
      engine.toMemory(0, 0x1000_1000, length);

      assertThat(vm.bus().loadBytes(0x1000_1000, length)).isEqualTo(sent);
      assertThat(vm.memory())
          .allSatisfy(segment -> assertThat(segment.hpa()).isNotEqualTo(segment.gpa()));
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void i02_memoryAddedAfterTheAssignIsReachable() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithBareDevice("guest");
      vm.addMemory(0x3000_0000, 0x2000, Access.READ_WRITE);
      byte[] sent = Bench.pattern(4, 512);
      vm.bus().storeBytes(0x3000_0000, sent);

      bench.asHost(
          engine -> {
            engine.fromMemory(0x3000_0000, 0, 512);
            engine.toMemory(0, 0x3000_1000, 512);
          });

      assertThat(vm.bus().loadBytes(0x3000_1000, 512)).isEqualTo(sent);
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void i02_i05_i06_i08_randomLivesOfSeveralGuestsAgreeWithAnExactModel() {
    DmaPort port = stage().port();
    for (long seed = 1; seed <= (port.direct() ? 3 : 1); seed++) {
      try (Bench bench = stage().bench()) {
        new RandomGuests(stage(), bench, port, seed).run(port.direct() ? 400 : 25);
      }
    }
  }
}
