package dev.vmm.iommu.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.iommu.pagetable.PageTableTrace.End;
import dev.vmm.testing.ArrayMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PageTableTraceTest {
  private static final long PAGE = 0x1000;

  private final ArrayMemory memory = new ArrayMemory(1L << 24);
  private final PageTableFormat format = new SimpleFormat();
  private final long root = memory.allocatePage();
  private final long middle = memory.allocatePage();
  private final long bottom = memory.allocatePage();
  private final List<WalkReport.Step> steps = new ArrayList<>();

  private PageTableTrace.Result trace(long iova) {
    steps.clear();
    return PageTableTrace.trace(format, memory, root, 3, iova, steps);
  }

  @Test
  void everyEntryOnTheWayIsAStep() {
    memory.write64(root + 8, middle | 3);
    memory.write64(middle + 16, bottom | 3);
    memory.write64(bottom + 24, 0x12_3000L | 1);

    PageTableTrace.Result end = trace(0x4040_3abcL);

    assertThat(end)
        .isEqualTo(
            new PageTableTrace.Result(
                End.MAPPED,
                Optional.of(new Translation(0x12_3abc, PAGE, Access.READ)),
                0x12_3001L));
    assertThat(steps)
        .containsExactly(
            new WalkReport.Step(
                "level 3 entry",
                1,
                root + 8,
                "0x%016x".formatted(middle | 3),
                "table 0x%x".formatted(middle)),
            new WalkReport.Step(
                "level 2 entry",
                2,
                middle + 16,
                "0x%016x".formatted(bottom | 3),
                "table 0x%x".formatted(bottom)),
            new WalkReport.Step(
                "level 1 entry",
                3,
                bottom + 24,
                "0x0000000000123001",
                "page of 0x1000 bytes at 0x123000, r-"));
  }

  @Test
  void aLargePageEndsTheWalkAboveTheLastLevel() {
    memory.write64(root, 0x8000_0000L | 0x83);

    assertThat(trace(0x3fff_fff8L).translation())
        .contains(new Translation(0xbfff_fff8L, 1L << 30, Access.READ_WRITE));
    assertThat(steps).hasSize(1);
  }

  @Test
  void whatStopsAWalkIsTold() {
    memory.write64(root, middle | 3);
    memory.write64(root + 8, 0x100_0000L | 3);
    memory.write64(root + 16, 1L << 62 | middle | 3);

    assertThat(trace(1L << 39).end()).isEqualTo(End.BEYOND_WIDTH);
    assertThat(steps).isEmpty();
    assertThat(trace(0x1000).end()).isEqualTo(End.NOT_PRESENT);
    assertThat(steps)
        .hasSize(2)
        .last()
        .extracting(WalkReport.Step::meaning)
        .isEqualTo("not present");
    assertThat(trace(1L << 30).end()).isEqualTo(End.UNREADABLE);
    assertThat(trace(2L << 30))
        .isEqualTo(
            new PageTableTrace.Result(End.RESERVED, Optional.empty(), 1L << 62 | middle | 3));
    assertThat(steps)
        .last()
        .extracting(WalkReport.Step::meaning)
        .isEqualTo("reserved bits 0x4000000000000000 set");
  }

  @Test
  void everyAddressOfRandomTablesLeadsWhereTheWalkerSays() {
    Random random = new Random(5);
    RadixTables.fill(memory, format, root, 3, random);
    List<MappingReport> runs = PageTableWalker.walk(format, memory, root, 3).mappings();

    assertThat(runs).hasSizeGreaterThan(20);
    for (MappingReport run : runs) {
      for (long offset : new long[] {0, run.lengthBytes() - 1, run.lengthBytes() / 2}) {
        Translation found = trace(run.iova() + offset).translation().orElseThrow();
        assertThat(found.hpa()).isEqualTo(run.hpa() + offset);
        assertThat(found.access()).isEqualTo(run.access());
        assertThat(found.pageBytes() & run.pageSizes()).isNotZero();
      }
    }
    for (int i = 0; i < 1000; i++) {
      long iova = random.nextLong() & ((1L << 39) - 1);
      boolean mapped =
          runs.stream()
              .anyMatch(run -> iova >= run.iova() && iova - run.iova() < run.lengthBytes());
      assertThat(trace(iova).end() == End.MAPPED).isEqualTo(mapped);
    }
  }

  /** Tables with leaves of every size at random places. */
  private static final class RadixTables {
    static void fill(
        ArrayMemory memory, PageTableFormat format, long table, int level, Random random) {
      for (int i = 0; i < 8; i++) {
        long at = table + 8L * random.nextInt(512);
        if (memory.read64(at) != 0) {
          continue;
        }
        Access access = Access.values()[random.nextInt(3)];
        if (level == 1 || random.nextInt(4) == 0) {
          long hpa =
              (random.nextLong() >>> 13) & -PageTableFormat.entryBytes(level) & (1L << 52) - 1;
          memory.write64(at, format.leaf(hpa, level, access));
        } else {
          long below = memory.allocatePage();
          memory.write64(at, format.link(below, level));
          fill(memory, format, below, level - 1, random);
        }
      }
    }
  }
}
