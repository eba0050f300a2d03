package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Large pages are used, split and put together again, and nobody sees it. */
abstract class Inv15PageTablesContract extends ContractPart {
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x20_0000;
  private static final long MAX_SIZE = 1L << 30;

  /** Every unit can be told of it, and no machine under test has so much. */
  private static final long BEYOND_MEMORY = 1L << 37;

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
    long sizes = capabilities().pageSizes();
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.bareDevice().assign(vm);
      Domain domain = vm.domain().orElseThrow();
      long first = largest(sizes, vm.memory().get(0));
      long second = largest(sizes, vm.memory().get(1));
      assertThat(domain.translate(0).orElseThrow().pageBytes()).isEqualTo(first);
      assertThat(domain.translate(0x1000_0000).orElseThrow().pageBytes()).isEqualTo(second);
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
                new MappingReport(0, vm.memory().get(0).hpa(), 0x40_0000, Access.READ_WRITE, first),
                new MappingReport(
                    0x1000_0000, vm.memory().get(1).hpa(), 0x10_0000, Access.READ_WRITE, second));
      }
    }
  }

  /** Returns the largest page that begins with the segment and is part of it. */
  private static long largest(long sizes, MemorySegment segment) {
    long largest = PAGE;
    for (long rest = sizes; rest != 0; rest &= rest - 1) {
      long size = Long.lowestOneBit(rest);
      if (size <= segment.lengthBytes() && ((segment.gpa() | segment.hpa()) & (size - 1)) == 0) {
        largest = size;
      }
    }
    return largest;
  }

  private IommuCapabilities capabilities() {
    try (SpiSession session = stage().session()) {
      return session.iommu().capabilities();
    }
  }

  @Test
  void i15_pagesOfEverySizeAreSplitAndFilledAgain() {
    DmaPort port = stage().port();
    try (SpiSession session = stage().session()) {
      Rid rid = stage().engineRid();
      Domain domain = session.domain("d");
      session.iommu().move(List.of(rid), domain);
      session.iommu().enable();
      long largerThanSmall = session.iommu().capabilities().pageSizes() & -2 * PAGE;
      for (long rest = largerThanSmall; rest != 0; rest &= rest - 1) {
        long size = Long.lowestOneBit(rest);
        if (size <= MAX_SIZE && size < domain.lastIova() - size) {
          holeAndFill(session, domain, port, size);
        }
      }
    }
  }

  /** One page goes and comes back: a unit that knew the large page must not be misled by either. */
  private void holeAndFill(SpiSession session, Domain domain, DmaPort port, long size) {
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    String of = String.format("page of 0x%x bytes", size);
    long tables = domain.tablePages();
    OptionalLong memory = memoryOf(session, size);
    // Where there is not so much memory, what is mapped is none, and no DMA goes there.
    long hpa = memory.orElse(BEYOND_MEMORY);
    long stays = size + 5 * PAGE;
    long goes = size + size / 2;
    domain.map(size, hpa, size, Access.READ_WRITE);
    assertThat(domain.translate(size).orElseThrow().pageBytes()).as(of).isEqualTo(size);
    if (memory.isPresent()) {
      reach.reaches(rid, stays, hpa + 5 * PAGE, Access.READ_WRITE, of);
    }
    domain.unmap(goes, PAGE);
    reach.blocked(rid, goes, of + ", in its hole");
    if (memory.isPresent()) {
      reach.reaches(rid, stays, hpa + 5 * PAGE, Access.READ_WRITE, of + ", with a hole");
    }
    domain.map(goes, hpa + size / 2, PAGE, Access.READ_WRITE);
    if (memory.isPresent()) {
      reach.reaches(rid, goes, hpa + size / 2, Access.READ_WRITE, of + ", filled again");
      reach.reaches(rid, stays, hpa + 5 * PAGE, Access.READ_WRITE, of + ", filled again");
    }
    assertThat(domain.unmap(size, size)).isTrue();
    reach.blocked(rid, stays, of + ", gone");
    assertThat(domain.tablePages()).as("pages of tables after a %s", of).isEqualTo(tables);
  }

  private static OptionalLong memoryOf(SpiSession session, long size) {
    try {
      return OptionalLong.of(session.memory(size, size));
    } catch (VmmException e) {
      assertThat(e.errno()).isEqualTo(Errno.ENOMEM);
      return OptionalLong.empty();
    }
  }

  /** Tables are as deep as the unit was told, whatever was asked for. */
  @Test
  void i15_domainsOfEveryWidthAreWalkedToTheirEnds() {
    DmaPort port = stage().port();
    int all = capabilities().iovaBits();
    IntStream widths = IntStream.of(30, 39, 48, 57, 64).filter(bits -> bits < all);
    for (int bits : IntStream.concat(widths, IntStream.of(all)).toArray()) {
      try (SpiSession session = stage().session()) {
        Reach reach = new Reach(port, stage().machine().memory());
        Rid rid = stage().engineRid();
        long hpa = session.memory(3 * PAGE, PAGE);
        long last = bits == 64 ? -1 : (1L << bits) - 1;
        Domain domain = session.domain(new DomainSpec("of " + bits + " bits", last));
        long lastPage = last & -PAGE;
        domain.map(0, hpa, PAGE, Access.READ_WRITE);
        domain.map(lastPage, hpa + PAGE, PAGE, Access.READ_WRITE);
        session.iommu().move(List.of(rid), domain);
        session.iommu().enable();
        reach.reaches(rid, 0, hpa, Access.READ_WRITE, domain.name());
        reach.reaches(rid, lastPage, hpa + PAGE, Access.READ_WRITE, domain.name());
        if (bits < 64 && stage().has(Capability.WIDTH_CHECK)) {
          // Were the bits above cut off, this would be page 0 again.
          reach.blocked(rid, last + 1, domain.name(), hpa);
        } else if (bits < all) {
          reach.reaches(rid, last + 1, hpa, Access.READ_WRITE, domain.name() + ", cut off");
        }
        reach.blocked(rid, 1L << (bits - 1), domain.name(), hpa, hpa + PAGE);
        domain.unmap(lastPage, PAGE);
        reach.blocked(rid, lastPage, domain.name() + ", unmapped", hpa + PAGE);
      }
    }
  }
}
