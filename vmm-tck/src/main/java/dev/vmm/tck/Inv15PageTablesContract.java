package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.pci.Rid;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Large pages are used, split and put together again, and nobody sees it. */
abstract class Inv15PageTablesContract extends ContractPart {
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x20_0000;

  @Test
  void i15_aPartialUnmapOfALargePageIsExact() {
    DmaPort port = stage().port();
    try (SpiSession session = stage().session()) {
      Reach reach = new Reach(port, stage().machine().memory());
      Rid rid = stage().engineRid();
      Domain domain = session.domain("d");
      long hpa = session.memory(2 * LARGE, LARGE);
      domain.map(4 * LARGE, hpa, 2 * LARGE, Access.READ_WRITE);
      session.iommu().move(List.of(rid), domain);
      session.iommu().enable();
      // Known to the unit as a part of a large page.
      reach.reaches(rid, 4 * LARGE + 5 * PAGE, hpa + 5 * PAGE, Access.READ_WRITE, "whole");

      domain.unmap(4 * LARGE + 5 * PAGE, PAGE);

      reach.blocked(rid, 4 * LARGE + 5 * PAGE, "holed", hpa + 5 * PAGE);
      reach.reaches(rid, 4 * LARGE + 6 * PAGE, hpa + 6 * PAGE, Access.READ_WRITE, "beside");
      if (port.direct()) {
        for (long i = 0; i < 1024; i++) {
          if (i != 5) {
            reach.reaches(rid, 4 * LARGE + i * PAGE, hpa + i * PAGE, Access.READ_WRITE, "page");
          }
        }
      }
      domain.map(4 * LARGE + 5 * PAGE, hpa + 5 * PAGE, PAGE, Access.READ_WRITE);
      reach.reaches(rid, 4 * LARGE + 5 * PAGE, hpa + 5 * PAGE, Access.READ_WRITE, "whole again");
      domain.unmap(4 * LARGE, 2 * LARGE);
      reach.blocked(rid, 4 * LARGE + 7 * PAGE, "gone", hpa + 7 * PAGE);
    }
  }

  @Test
  void i15_guestMemoryIsMappedWithTheLargestPages() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.bareDevice().assign(vm);
      Domain domain = vm.domain().orElseThrow();
      long expected = stage().has(Capability.SUPERPAGES) ? LARGE : PAGE;
      assertThat(domain.translate(0).orElseThrow().pageBytes()).isEqualTo(expected);
      assertThat(domain.translate(0x1000_0000).orElseThrow().pageBytes()).isEqualTo(PAGE);
      if (stage().has(Capability.INSPECTION)) {
        long root = bench.entries(bench.rid()).get(0).tableRoot();
        DomainReport report =
            stage().units().stream()
                .flatMap(unit -> unit.domains().stream())
                .filter(d -> d.tableRoot() == root)
                .findFirst()
                .orElseThrow();
        assertThat(report.problems()).isEmpty();
        assertThat(report.tablePages()).isEqualTo(domain.tablePages());
        assertThat(report.mappings())
            .containsExactly(
                new MappingReport(
                    0, vm.memory().get(0).hpa(), 0x40_0000, Access.READ_WRITE, expected),
                new MappingReport(
                    0x1000_0000, vm.memory().get(1).hpa(), 0x10_0000, Access.READ_WRITE, PAGE));
      }
    }
  }
}
