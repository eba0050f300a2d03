package dev.vmm.iommu.pagetable;

import static dev.vmm.iommu.pagetable.PageTableFormat.entryBytes;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.machine.PhysicalMemory;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Follows one iova through page tables, entry by entry. Stateless and thread-safe. */
public final class PageTableTrace {
  /** Where a walk ended. */
  public enum End {
    /** At a page. */
    MAPPED,
    /** At an entry that is not present, or that allows nothing which those above it allow. */
    NOT_PRESENT,
    /** At an entry with reserved bits. */
    RESERVED,
    /** At a table that is not in RAM. */
    UNREADABLE,
    /** Before the first table: the address is wider than the tables. */
    BEYOND_WIDTH
  }

  /**
   * The end of a walk.
   *
   * @param end how it ended
   * @param translation where the address leads, if it is mapped
   */
  public record Result(End end, Optional<Translation> translation) {}

  private PageTableTrace() {}

  /**
   * Follows {@code iova} and adds every entry that is read to {@code steps}. Whatever memory holds,
   * it ends after one entry a level.
   *
   * @param levels the levels below {@code rootHpa}
   */
  public static Result trace(
      PageTableFormat format,
      PhysicalMemory memory,
      long rootHpa,
      int levels,
      long iova,
      List<WalkReport.Step> steps) {
    int width = PageTableFormat.entryShift(levels + 1);
    if (width < 64 && iova >>> width != 0) {
      return none(End.BEYOND_WIDTH);
    }
    long table = rootHpa;
    Access above = Access.READ_WRITE;
    int level = levels;
    while (level >= 1) {
      if (!PageTableWalker.isTable(memory, table)) {
        return none(End.UNREADABLE);
      }
      int index = PageTableFormat.index(iova, level);
      long at = table + 8L * index;
      long entry = memory.read64(at);
      String what = "level " + level + " entry";
      if (!format.isPresent(entry)) {
        steps.add(step(what, index, at, entry, "not present"));
        return none(End.NOT_PRESENT);
      }
      long reserved = entry & format.reservedBits(entry, level);
      if (reserved != 0) {
        steps.add(
            step(what, index, at, entry, "reserved bits 0x" + Long.toHexString(reserved) + " set"));
        return none(End.RESERVED);
      }
      if (format.isLeaf(entry, level)) {
        long bytes = format.leafBytes(entry, level);
        long page = format.leafAddress(entry, level);
        Access access = format.leafAccess(entry).and(above);
        steps.add(
            step(
                what,
                index,
                at,
                entry,
                String.format(
                    Locale.ROOT,
                    "page of 0x%x bytes at 0x%x, %s",
                    bytes,
                    page,
                    format.leafAccess(entry))));
        return access == null
            ? none(End.NOT_PRESENT)
            : new Result(
                End.MAPPED,
                Optional.of(new Translation(page | (iova & (bytes - 1)), bytes, access)));
      }
      table = format.linkAddress(entry);
      steps.add(step(what, index, at, entry, "table 0x" + Long.toHexString(table)));
      int next = format.linkLevel(entry, level);
      if (level == 1) {
        return none(End.RESERVED);
      }
      if ((iova & (entryBytes(level) - 1)) >>> PageTableFormat.entryShift(next + 1) != 0) {
        return none(End.NOT_PRESENT);
      }
      Access below = format.linkAccess(entry).and(above);
      if (below == null) {
        return none(End.NOT_PRESENT);
      }
      above = below;
      level = next;
    }
    return none(End.UNREADABLE);
  }

  private static WalkReport.Step step(String what, int index, long at, long raw, String meaning) {
    return new WalkReport.Step(
        what, index, at, String.format(Locale.ROOT, "0x%016x", raw), meaning);
  }

  private static Result none(End end) {
    return new Result(end, Optional.empty());
  }
}
