package dev.vmm.acpi.decode;

import dev.vmm.AddressRange;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.machine.MemoryMap;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Memory that a table reserves for devices, and what a lint asks of it. Immutable and thread-safe.
 *
 * @param where the structure that says so, for messages
 * @param offset of that structure in its table
 * @param memory what it reserves, to the byte
 * @param pages the pages that it touches
 */
public record ReservedRange(String where, int offset, AddressRange memory, AddressRange pages) {
  private static final long LARGE = 256L << 20;

  /** How many parts of a range a finding names. */
  private static final int MAX_PARTS = 3;

  /**
   * The rules that memory may break.
   *
   * @param beyondWidth it ends beyond what the platform can address
   * @param large it is 256 MiB or more
   * @param overlap it shares memory with another without being the same
   * @param outsideMemory it is not all memory, and nobody knows what firmware says of it
   * @param usable the memory map gives some of it to the operating system
   * @param notReserved the memory map does not, but does not say either that all is reserved
   */
  public record Rules(
      TableRule beyondWidth,
      TableRule large,
      TableRule overlap,
      TableRule outsideMemory,
      TableRule usable,
      TableRule notReserved) {}

  /**
   * Returns a range.
   *
   * @param last its last address, inclusive, not below {@code first}
   * @param pages the pages that it touches
   */
  public static ReservedRange of(
      TableStructure structure, long first, long last, AddressRange pages) {
    long lengthBytes = last - first + 1;
    return new ReservedRange(
        structure.where(),
        structure.offset(),
        lengthBytes == 0 ? pages : new AddressRange(first, lengthBytes),
        pages);
  }

  /**
   * Returns what is wrong or odd in the ranges by themselves: not {@link Rules#outsideMemory},
   * {@link Rules#usable} and {@link Rules#notReserved}.
   *
   * @param widthBits the width of the platform's addresses
   */
  public static List<Finding> lint(List<ReservedRange> ranges, int widthBits, Rules rules) {
    List<Finding> findings = new ArrayList<>();
    for (ReservedRange range : ranges) {
      AddressRange pages = range.pages;
      if (widthBits < 64 && pages.last() >>> widthBits != 0) {
        findings.add(
            rules.beyondWidth.at(
                range.offset,
                "%s ends at 0x%x, beyond the %d bits of the platform's addresses",
                range.where,
                pages.last(),
                widthBits));
      }
      if (Long.compareUnsigned(pages.lengthBytes(), LARGE) >= 0) {
        findings.add(
            rules.large.at(
                range.offset,
                "%s reserves %s, %d MiB",
                range.where,
                pages,
                pages.lengthBytes() >>> 20));
      }
    }
    overlaps(ranges, rules.overlap, findings);
    return findings;
  }

  /**
   * One sweep in order of address; firmware gives one region to several devices by repeating it.
   */
  private static void overlaps(List<ReservedRange> ranges, TableRule rule, List<Finding> findings) {
    List<ReservedRange> sorted = new ArrayList<>(ranges);
    sorted.sort((a, b) -> a.pages.compareTo(b.pages));
    // Of those before: which reaches furthest; what overlaps any of them begins inside that one.
    ReservedRange furthest = null;
    AddressRange before = null;
    for (ReservedRange range : sorted) {
      boolean twin = before != null && before.equals(range.pages);
      if (furthest != null && !twin && furthest.pages.overlaps(range.pages)) {
        findings.add(
            rule.at(
                range.offset,
                "%s reserves %s, which overlaps %s of %s",
                range.where,
                range.pages,
                furthest.pages,
                furthest.where));
      }
      before = range.pages;
      if (furthest == null || Long.compareUnsigned(before.last(), furthest.pages.last()) > 0) {
        furthest = range;
      }
    }
  }

  /**
   * Returns a finding for each range that the memory map does not give as reserved; where there is
   * no map, for each that is not all memory of the machine.
   */
  public static List<Finding> misplaced(
      List<ReservedRange> ranges, TableContext context, Rules rules) {
    return context
        .memoryMap()
        .map(map -> misplaced(ranges, map, rules))
        .or(() -> context.machine().map(machine -> outside(ranges, machine.memory().ram(), rules)))
        .orElse(List.of());
  }

  private static List<Finding> outside(
      List<ReservedRange> ranges, List<AddressRange> ram, Rules rules) {
    return ranges.stream()
        .filter(range -> ram.stream().noneMatch(each -> each.contains(range.pages)))
        .map(
            range ->
                rules.outsideMemory.at(
                    range.offset,
                    "%s reserves %s, which is not all memory",
                    range.where,
                    range.pages))
        .toList();
  }

  private static List<Finding> misplaced(List<ReservedRange> ranges, MemoryMap map, Rules rules) {
    List<Finding> findings = new ArrayList<>();
    MemoryMapIndex index = new MemoryMapIndex(map, MAX_PARTS + 1);
    for (ReservedRange range : ranges) {
      List<AddressRange> open = index.without(MemoryMap.Type.RESERVED, range.memory);
      List<AddressRange> usable = index.of(MemoryMap.Type.RAM, open);
      if (!usable.isEmpty()) {
        findings.add(
            rules.usable.at(
                range.offset,
                "%s reserves %s, of which the memory map (%s) gives %s as usable RAM",
                range.where,
                range.memory,
                map.origin(),
                few(usable)));
      } else if (!open.isEmpty()) {
        findings.add(
            rules.notReserved.at(
                range.offset,
                "%s reserves %s, of which the memory map (%s) gives %s not as reserved, but as %s",
                range.where,
                range.memory,
                map.origin(),
                few(open),
                index.types(open)));
      }
    }
    return findings;
  }

  private static String few(List<AddressRange> ranges) {
    String named =
        ranges.stream()
            .limit(MAX_PARTS)
            .map(AddressRange::toString)
            .collect(Collectors.joining(", "));
    return ranges.size() > MAX_PARTS ? named + " and more" : named;
  }
}
