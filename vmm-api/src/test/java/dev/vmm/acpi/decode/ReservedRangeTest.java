package dev.vmm.acpi.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.MemoryMap.Type;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReservedRangeTest {
  private enum Rule implements TableRule {
    BEYOND,
    LARGE,
    OVERLAP,
    OUTSIDE,
    USABLE,
    NOT_RESERVED;

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
      new ReservedRange.Rules(
          Rule.BEYOND, Rule.LARGE, Rule.OVERLAP, Rule.OUTSIDE, Rule.USABLE, Rule.NOT_RESERVED);

  private static ReservedRange range(int offset, long firstPage, long lastPage) {
    AddressRange pages = new AddressRange(firstPage << 12, (lastPage - firstPage + 1) << 12);
    return new ReservedRange("region " + offset, offset, pages, pages);
  }

  private static MemoryMap.Entry entry(Type type, long first, long last) {
    return new MemoryMap.Entry(AddressRange.between(first, last + 1), type);
  }

  private static List<String> misplaced(long first, long last, MemoryMap.Entry... entries) {
    AddressRange memory = new AddressRange(first, last - first + 1);
    return ReservedRange.misplaced(
            List.of(new ReservedRange("it", 0x40, memory, memory)),
            new TableContext(Optional.empty(), Optional.of(new MemoryMap("map", List.of(entries)))),
            RULES)
        .stream()
        .map(finding -> finding.id() + " " + finding.evidence())
        .toList();
  }

  @Test
  void whatTheMemoryMapGivesAsReservedIsWell() {
    assertThat(misplaced(0x1000, 0x2fff, entry(Type.RESERVED, 0, 0x3fff))).isEmpty();
    // Several entries may cover it, and firmware may cover memory twice: reserved then counts.
    assertThat(
            misplaced(
                0x1800,
                0x27ff,
                entry(Type.RESERVED, 0x2000, 0x27ff),
                entry(Type.RAM, 0, 0xffff),
                entry(Type.RESERVED, 0x1800, 0x1fff)))
        .isEmpty();
    assertThat(misplaced(-0x1000L, -1L, entry(Type.RESERVED, -0x2000L, -1L))).isEmpty();
  }

  @Test
  void memoryThatTheSystemMayUseIsToldWithItsAddresses() {
    assertThat(
            misplaced(
                0x1000, 0x4fff, entry(Type.RESERVED, 0x1000, 0x1fff), entry(Type.RAM, 0x3000, -2)))
        .containsExactly(
            "TEST-USABLE it reserves 0x1000-0x4fff, of which the memory map (map) gives 0x3000-0x4fff as usable RAM");
    assertThat(
            misplaced(
                0,
                0x8fff,
                entry(Type.RAM, 0, 0xfff),
                entry(Type.RAM, 0x2000, 0x2fff),
                entry(Type.RAM, 0x4000, 0x4fff),
                entry(Type.RAM, 0x6000, 0x6fff)))
        .singleElement()
        .asString()
        .contains("gives 0x0-0xfff, 0x2000-0x2fff, 0x4000-0x4fff and more as usable RAM");
  }

  @Test
  void memoryOfOtherTypesAndOfNoneIsNotReserved() {
    assertThat(misplaced(0x1000, 0x2fff, entry(Type.ACPI_NVS, 0x2000, 0x3fff)))
        .containsExactly(
            "TEST-NOT-RESERVED it reserves 0x1000-0x2fff, of which the memory map (map) gives 0x1000-0x2fff not as"
                + " reserved, but as ACPI NVS");
    assertThat(
            misplaced(
                0x1000,
                0x5fff,
                entry(Type.RESERVED, 0x2000, 0x2fff),
                entry(Type.RESERVED, 0x4000, 0x4fff)))
        .singleElement()
        .asString()
        .contains("0x1000-0x1fff, 0x3000-0x3fff, 0x5000-0x5fff not as reserved, but as no memory");
    assertThat(misplaced(0, -2)).singleElement().asString().contains("0x0-0xfffffffffffffffe not");
  }

  @Test
  void eachByteThatIsNotReservedIsFoundAndNoOther() {
    Random random = new Random(4);
    for (int round = 0; round < 500; round++) {
      List<MemoryMap.Entry> entries = new ArrayList<>();
      BitSet open = new BitSet();
      int first = random.nextInt(40);
      int last = first + random.nextInt(24);
      open.set(first, last + 1);
      BitSet usable = new BitSet();
      for (int i = 0; i < 6; i++) {
        int from = random.nextInt(60);
        int to = from + random.nextInt(9);
        Type type = random.nextBoolean() ? Type.RESERVED : Type.RAM;
        entries.add(entry(type, from, to));
        (type == Type.RAM ? usable : open).set(from, to + 1, type == Type.RAM);
      }
      usable.and(open);
      List<String> found = misplaced(first, last, entries.toArray(new MemoryMap.Entry[0]));
      String expected =
          open.isEmpty() ? "" : usable.isEmpty() ? "TEST-NOT-RESERVED " : "TEST-USABLE ";
      BitSet parts = usable.isEmpty() ? open : usable;
      assertThat(String.join("", found)).as("round %d", round).startsWith(expected);
      assertThat(found).hasSize(expected.isEmpty() ? 0 : 1);
      if (!found.isEmpty()) {
        int start = parts.nextSetBit(0);
        assertThat(found.get(0))
            .contains(String.format(" gives 0x%x-0x%x", start, parts.nextClearBit(start) - 1));
      }
    }
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
