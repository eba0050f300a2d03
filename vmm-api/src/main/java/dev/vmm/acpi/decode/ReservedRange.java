package dev.vmm.acpi.decode;

import dev.vmm.AddressRange;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that a table reserves for devices, and what a lint asks of it. Immutable and thread-safe.
 *
 * @param where the structure that says so, for messages
 * @param offset of that structure in its table
 * @param pages what it reserves
 */
public record ReservedRange(String where, int offset, AddressRange pages) {
  private static final long LARGE = 256L << 20;

  /**
   * The rules that memory may break.
   *
   * @param beyondWidth it ends beyond what the platform can address
   * @param large it is 256 MiB or more
   * @param overlap it shares memory with another without being the same
   * @param outsideMemory it is not all memory
   */
  public record Rules(
      TableRule beyondWidth, TableRule large, TableRule overlap, TableRule outsideMemory) {}

  /**
   * Returns what is wrong or odd, but for {@link Rules#outsideMemory}.
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

  /** Returns a finding for each range that is not all memory of the machine. */
  public static List<Finding> outside(
      List<ReservedRange> ranges, PhysicalMemory memory, Rules rules) {
    List<AddressRange> ram = memory.ram();
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
}
