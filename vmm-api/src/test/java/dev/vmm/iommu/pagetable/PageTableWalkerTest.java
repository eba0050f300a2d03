package dev.vmm.iommu.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.testing.ArrayMemory;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageTableWalkerTest {
  private static final long PAGE = 0x1000;
  private final ArrayMemory memory = new ArrayMemory(1L << 24);
  private final PageTableFormat format = new SimpleFormat();
  private final long root = memory.allocatePage();
  private final long middle = memory.allocatePage();
  private final long bottom = memory.allocatePage();

  private PageTableWalker.Result walk() {
    return PageTableWalker.walk(format, memory, root, 3);
  }

  @Test
  void anEmptyRootIsOneTableAndNoMapping() {
    assertThat(walk())
        .isEqualTo(new PageTableWalker.Result(1, java.util.List.of(), java.util.List.of()));
  }

  @Test
  void runsAreMergedAcrossTablesAndPageSizes() {
    memory.write64(root, middle | 3);
    memory.write64(middle, bottom | 3);
    memory.write64(middle + 8, 0x20_0000L | 0x83);
    memory.write64(bottom + 8 * 510, 0x1f_e001L);
    memory.write64(bottom + 8 * 511, 0x1f_f003L);
    memory.write64(root + 8 * 511, 0x4000_0000L | 0x82);

    assertThat(walk().problems()).isEmpty();
    assertThat(walk().tablePages()).isEqualTo(3);
    assertThat(walk().mappings())
        .containsExactly(
            new MappingReport(0x1f_e000, 0x1f_e000, PAGE, Access.READ, PAGE),
            new MappingReport(0x1f_f000, 0x1f_f000, 0x20_1000, Access.READ_WRITE, 0x20_1000),
            new MappingReport(511L << 30, 0x4000_0000, 0x4000_0000, Access.WRITE, 0x4000_0000));
  }

  @Test
  void i12_loopsAndSharedTablesAreEnteredOnceAndReported() {
    memory.write64(root, middle | 3);
    memory.write64(root + 8, middle | 3);
    memory.write64(root + 16, root | 3);
    memory.write64(middle, middle | 3);

    assertThat(walk().tablePages()).isEqualTo(2);
    assertThat(walk().problems())
        .hasSize(3)
        .allSatisfy(problem -> assertThat(problem).contains("which was reached before"));
  }

  @Test
  void i12_linksOutsideRamAndReservedBitsAreReportedAndNotFollowed() {
    memory.write64(root, 0x100_0000L | 3);
    memory.write64(root + 8, 1L << 62 | middle | 3);

    assertThat(walk().mappings()).isEmpty();
    assertThat(walk().problems())
        .containsExactly(
            "level 3 entry 0x1000003 at 0x%x (iova 0x0) leads to 0x1000000, which is not a page in RAM"
                .formatted(root),
            "level 3 entry 0x%x at 0x%x (iova 0x40000000) has the reserved bits 0x4000000000000000 set"
                .formatted(1L << 62 | middle | 3, root + 8));
  }

  @Test
  void aRootOutsideRamOrWithoutSuchLevelsIsAProblem() {
    assertThat(PageTableWalker.walk(format, memory, 1L << 24, 3).problems())
        .containsExactly("root table 0x1000000 is not a page in RAM");
    assertThat(PageTableWalker.walk(format, memory, root + 8, 3).problems()).hasSize(1);
    assertThat(PageTableWalker.walk(format, memory, root, 7).problems()).hasSize(1);
    assertThat(PageTableWalker.walk(format, memory, root, 0).tablePages()).isZero();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void i12_anyMemoryEndsTheWalkWithoutAnException(long seed) {
    Random random = new Random(seed);
    for (long at = 0; at < 1 << 22; at += 8) {
      memory.write64(at, random.nextInt(0x400) * PAGE | random.nextInt(4) | random.nextInt(2) << 7);
    }
    PageTableWalker.Result result = PageTableWalker.walk(format, memory, 0x3000, 6);
    assertThat(result.tablePages()).isBetween(2L, 0x400L);
    assertThat(result.problems()).hasSizeBetween(1, 1001);
    assertThat(result.problems().get(result.problems().size() - 1)).startsWith("and ");
  }
}
