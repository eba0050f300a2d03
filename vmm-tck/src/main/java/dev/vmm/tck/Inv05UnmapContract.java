package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When unmap, close or move returns, no cache knows what was there before. */
abstract class Inv05UnmapContract extends ContractPart {
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x20_0000;

  /** What a page's entry may have beside its address, VT-d: read and write. */
  private static final long VTD_LEAF = 0x3;

  /** AMD-Vi: present, next level 0, read and write permission. */
  private static final long AMD_LEAF = 0x6000_0000_0000_0001L;

  @Test
  void i05_theNextDmaAfterAnUnmapFaults() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      DmaEngine engine = bench.guestEngine(vm);
      byte[] sent = Bench.pattern(5, 256);
      vm.bus().storeBytes(0x1000_0000, sent);
      engine.fromMemory(0x1000_0000, 0, 256);
      engine.toMemory(0, 0x1000_4000, 256);
      assertThat(vm.bus().loadBytes(0x1000_4000, 256)).isEqualTo(sent);
      long hpa = vm.memory().get(1).hpa();
      assertThat(bench.faults()).isEmpty();

      vm.removeMemory(0x1000_0000);
      byte[] before = bench.hostBytes(hpa + 0x4000, 256);
      engine.fromMemory(0, 0, 256);
      engine.toMemory(0, 0x1000_4000, 256);

      assertThat(bench.hostBytes(hpa + 0x4000, 256)).isEqualTo(before);
      if (stage().has(Capability.FAULT_REPORTS)) {
        assertThat(bench.faults())
            .anySatisfy(
                fault -> {
                  assertThat(fault.fault().rid()).isEqualTo(bench.rid());
                  assertThat(fault.fault().iova()).isEqualTo(0x1000_4000);
                  assertThat(fault.fault().access()).isEqualTo(Access.WRITE);
                  assertThat(fault.domain()).isEqualTo("vm:guest");
                });
      }
    }
  }

  @Test
  void i05_unmapAndMapAreSeenByTheVeryNextDma() {
    DmaPort port = stage().port();
    try (SpiSession session = stage().session()) {
      Reach reach = new Reach(port, stage().machine().memory());
      Rid rid = stage().engineRid();
      Domain domain = session.domain("d");
      long hpa = session.memory(4 * LARGE, LARGE);
      session.iommu().move(List.of(rid), domain);
      session.iommu().enable();
      reach.blocked(rid, LARGE + PAGE, "empty domain", hpa + PAGE);
      // Where nothing was there may be something now: a unit may remember that nothing was.
      domain.map(LARGE, hpa, 2 * LARGE, Access.READ_WRITE);
      reach.reaches(rid, LARGE + PAGE, hpa + PAGE, Access.READ_WRITE, "mapped");
      domain.unmap(LARGE, 2 * LARGE);
      reach.blocked(rid, LARGE + PAGE, "unmapped", hpa + PAGE);
      domain.map(LARGE, hpa + 2 * LARGE, LARGE, Access.READ_WRITE);
      reach.reaches(
          rid, LARGE + PAGE, hpa + 2 * LARGE + PAGE, Access.READ_WRITE, "mapped to another place");
    }
  }

  /**
   * Pages that held tables come back as somebody's memory at once, and somebody writes there. A
   * unit that still knew one of them would walk what it finds.
   */
  @Test
  void i05_pagesThatWereTablesAreNoTablesAnyMore() {
    for (long leaf : new long[] {VTD_LEAF, AMD_LEAF}) {
      scribbleOverTables(leaf);
    }
  }

  private void scribbleOverTables(long leaf) {
    DmaPort port = stage().port();
    PhysicalMemory memory = stage().machine().memory();
    try (SpiSession session = stage().session()) {
      Reach reach = new Reach(port, memory);
      Rid rid = stage().engineRid();
      Domain domain = session.domain("d");
      Domain other = session.domain("other");
      long hpa = session.memory(16 * PAGE, PAGE);
      long trap = session.memory(PAGE, PAGE);
      session.iommu().move(List.of(rid), domain);
      session.iommu().enable();
      long[] iovas = {0, LARGE, 1L << 30, (1L << 38) - 4 * PAGE};
      for (long iova : iovas) {
        domain.map(iova, hpa, 3 * PAGE, Access.READ_WRITE);
      }
      reach.reaches(rid, iovas[3] + PAGE, hpa + PAGE, Access.READ_WRITE, "mapped");
      reach.reaches(rid, LARGE, hpa, Access.READ_WRITE, "mapped");
      for (long iova : new long[] {iovas[1], iovas[2], iovas[3]}) {
        domain.unmap(iova, 3 * PAGE);
      }
      List<Long> scribbled = scribble(memory, trap | leaf);
      reach.blocked(rid, iovas[3] + PAGE, "tables scribbled", hpa + PAGE, trap);
      reach.blocked(rid, LARGE, "tables scribbled", hpa, trap);
      reach.reaches(rid, 2 * PAGE, hpa + 2 * PAGE, Access.READ_WRITE, "what stayed mapped");
      scribbled.forEach(page -> memory.free(page, PAGE));

      // The same for a domain that is closed after its device has left.
      session.iommu().move(List.of(rid), other);
      domain.close();
      scribbled = scribble(memory, trap | leaf);
      reach.blocked(rid, 2 * PAGE, "domain closed", hpa + 2 * PAGE, trap);
      other.map(2 * PAGE, hpa + 5 * PAGE, PAGE, Access.READ_WRITE);
      reach.reaches(rid, 2 * PAGE, hpa + 5 * PAGE, Access.READ_WRITE, "in the other domain");
      scribbled.forEach(page -> memory.free(page, PAGE));
    }
  }

  /** Takes free pages and fills them with what would be entries. */
  private static List<Long> scribble(PhysicalMemory memory, long entry) {
    List<Long> pages = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      long page = memory.allocatePage();
      memory.fill64(page, 512, entry, 0);
      pages.add(page);
    }
    return pages;
  }

  @Test
  void i05_aMoveLeavesNothingOfTheOldDomainBehind() {
    DmaPort port = stage().port();
    try (SpiSession session = stage().session()) {
      Reach reach = new Reach(port, stage().machine().memory());
      Rid rid = stage().engineRid();
      long hpa = session.memory(8 * PAGE, PAGE);
      Domain home = session.domain("home");
      session.iommu().move(List.of(rid), home);
      session.iommu().enable();
      for (int i = 0; i < (port.direct() ? 200 : 2); i++) {
        Domain guest = session.domain("guest" + i);
        long own = hpa + i % 8 * PAGE;
        guest.map(0x4000, own, PAGE, Access.READ_WRITE);
        session.iommu().move(List.of(rid), guest);
        reach.reaches(rid, 0x4000, own, Access.READ_WRITE, "guest " + i);
        session.iommu().move(List.of(rid), home);
        reach.blocked(rid, 0x4000, "home after guest " + i, own);
        guest.close();
      }
    }
  }

  @Test
  void i05_i15_randomMapsUnmapsAndMovesAgreeWithAnExactModel() {
    DmaPort port = stage().port();
    for (long seed = 1; seed <= (port.direct() ? 4 : 1); seed++) {
      try (SpiSession session = stage().session()) {
        new RandomDomains(stage(), session, port, seed).run(port.direct() ? 400 : 60);
      }
    }
  }
}
