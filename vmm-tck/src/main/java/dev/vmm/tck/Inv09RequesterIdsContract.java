package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vmm.Errno;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** All ids that a function can use are moved together, and nobody gets half of them. */
abstract class Inv09RequesterIdsContract extends ContractPart {
  private static final long PAGE = 0x1000;

  @Test
  void i09_aFunctionWhoseIdABridgeReplacesStaysInTheHostDomainAndWorksThere() {
    List<PciFunction> behind = Endpoints.behindConventionalBridges(stage().functions());
    assumeFalse(behind.isEmpty(), () -> "no bridge of " + stage().subject() + " replaces ids");
    Rid rid = behind.get(0).rid();
    PhysicalMemory memory = stage().machine().memory();
    DmaPort port = stage().port();
    long page = memory.allocatePage();
    try (Bench bench = stage().bench()) {
      bench.guestWithBareDevice("guest");
      assertThat(bench.domainOf(rid)).hasValue("host");
      refused(Errno.EPERM, () -> bench.ppt().attach(rid), rid.toString(), "requester id");
      assertThat(bench.ppt().device(rid)).isEmpty();
      if (port.direct()) {
        new Reach(port, memory).reaches(rid, page, page, Access.READ_WRITE, "behind its bridge");
      }
    } finally {
      memory.free(page, PAGE);
    }
  }

  @Test
  void i09_hundredsOfRequesterIdsMoveInOneStep() {
    DmaPort port = stage().port();
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    try (SpiSession session = stage().session()) {
      var iommu = session.iommu();
      List<Rid> all = new ArrayList<>(List.of(rid));
      IntStream.range(0x5000, 0x5000 + 600)
          .mapToObj(id -> Rid.of(rid.segment(), id))
          .filter(id -> iommu.unitOf(id).isPresent())
          .forEach(all::add);
      long hpa = session.memory(2 * PAGE, PAGE);
      Domain one = session.domain("one");
      Domain two = session.domain("two");
      one.map(0, hpa, PAGE, Access.READ_WRITE);
      two.map(0, hpa + PAGE, PAGE, Access.READ_WRITE);
      iommu.move(List.of(rid), one);
      iommu.enable();
      reach.reaches(rid, 0, hpa, Access.READ_WRITE, "alone");
      for (Domain domain : List.of(one, two, one)) {
        iommu.move(all, domain);
        assertThat(all).allSatisfy(id -> assertThat(iommu.domainOf(id)).hasValue(domain));
        reach.reaches(
            rid, 0, domain == one ? hpa : hpa + PAGE, Access.READ_WRITE, "in " + domain.name());
      }
    }
  }
}
