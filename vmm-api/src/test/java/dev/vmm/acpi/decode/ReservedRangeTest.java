package dev.vmm.acpi.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReservedRangeTest {
  private enum Rule implements TableRule {
    BEYOND,
    LARGE,
    OVERLAP,
    OUTSIDE;

    @Override
    public String signature() {
      return "TEST";
    }

    @Override
    public Severity severity() {
      return Severity.WARNING;
    }

    @Override
    public String remedy() {
      return "none";
    }
  }

  private static final ReservedRange.Rules RULES =
      new ReservedRange.Rules(Rule.BEYOND, Rule.LARGE, Rule.OVERLAP, Rule.OUTSIDE);

  private static ReservedRange range(int offset, long firstPage, long lastPage) {
    return new ReservedRange(
        "region " + offset,
        offset,
        new AddressRange(firstPage << 12, (lastPage - firstPage + 1) << 12));
  }

  private static List<Finding> lint(ReservedRange... ranges) {
    return ReservedRange.lint(List.of(ranges), 46, RULES);
  }

  @Test
  void aRangeInsideOneThatBeganLongBeforeOverlapsIt() {
    assertThat(lint(range(1, 0, 99), range(2, 10, 19), range(3, 30, 39)))
        .extracting(Finding::evidence)
        .containsExactly(
            "region 2 reserves 0xa000-0x13fff, which overlaps 0x0-0x63fff of region 1",
            "region 3 reserves 0x1e000-0x27fff, which overlaps 0x0-0x63fff of region 1");
    assertThat(lint(range(1, 0, 9), range(2, 0, 9), range(3, 10, 19))).isEmpty();
  }

  @Test
  void eachRangeThatOverlapsAnEarlierOneIsFoundAndNoOther() {
    Random random = new Random(9);
    for (int round = 0; round < 500; round++) {
      List<ReservedRange> ranges = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        long first = random.nextInt(60);
        ranges.add(range(i, first, first + random.nextInt(12)));
      }
      List<ReservedRange> sorted = new ArrayList<>(ranges);
      sorted.sort((a, b) -> a.pages().compareTo(b.pages()));
      List<Integer> expected = new ArrayList<>();
      for (int i = 0; i < sorted.size(); i++) {
        AddressRange pages = sorted.get(i).pages();
        List<AddressRange> before =
            sorted.subList(0, i).stream().map(ReservedRange::pages).toList();
        // Firmware repeats a region for each of its devices.
        if (!before.contains(pages) && before.stream().anyMatch(pages::overlaps)) {
          expected.add(sorted.get(i).offset());
        }
      }
      assertThat(ReservedRange.lint(ranges, 46, RULES).stream().map(Finding::offset).toList())
          .as("round %d", round)
          .isEqualTo(expected);
    }
  }
}
