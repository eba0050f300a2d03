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
    /** At an entry that is not present. */
    NOT_PRESENT,
    /** At an entry that allows nothing which those above it allow. */
    NOT_PERMITTED,
    /** At a link that leaves levels out for which the address has bits set. */
    SKIPPED_BITS,
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
   * @param entry the last entry that was read, 0 if none was
   */
  public record Result(End end, Optional<Translation> translation, long entry) {}

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
      return none(End.BEYOND_WIDTH, 0);
    }
    long table = rootHpa;
    Access above = Access.READ_WRITE;
    int level = levels;
    long entry = 0;
    while (level >= 1) {
      if (!PageTableWalker.isTable(memory, table)) {
        return none(End.UNREADABLE, entry);
      }
      int index = PageTableFormat.index(iova, level);
      long at = table + 8L * index;
      entry = memory.read64(at);
      String what = "level " + level + " entry";
      if (!format.isPresent(entry)) {
        steps.add(step(what, index, at, entry, "not present"));
        return none(End.NOT_PRESENT, entry);
      }
      long reserved = entry & format.reservedBits(entry, level);
      if (reserved != 0) {
        steps.add(
            step(what, index, at, entry, "reserved bits 0x" + Long.toHexString(reserved) + " set"));
        return none(End.RESERVED, entry);
      }
      if (format.isLeaf(entry, level)) {
        return leaf(format, entry, level, iova, above, step(what, index, at, entry, ""), steps);
      }
      table = format.linkAddress(entry);
      int next = format.linkLevel(entry, level);
      steps.add(step(what, index, at, entry, link(table, level, next, format.linkAccess(entry))));
      if (level == 1) {
        return none(End.RESERVED, entry);
      }
      if ((iova & (entryBytes(level) - 1)) >>> PageTableFormat.entryShift(next + 1) != 0) {
        return none(End.SKIPPED_BITS, entry);
      }
      Access below = format.linkAccess(entry).and(above);
      if (below == null) {
        return none(End.NOT_PERMITTED, entry);
      }
      above = below;
      level = next;
    }
    return none(End.UNREADABLE, entry);
  }

  private static Result leaf(
      PageTableFormat format,
      long entry,
      int level,
      long iova,
      Access above,
      WalkReport.Step step,
      List<WalkReport.Step> steps) {
    long bytes = format.leafBytes(entry, level);
    long page = format.leafAddress(entry, level);
    Access own = format.leafAccess(entry);
    long entries = bytes / entryBytes(level);
    String meaning =
        String.format(
            Locale.ROOT,
            "page of 0x%x bytes at 0x%x%s, %s",
            bytes,
            page,
            entries > 1 ? ", in " + entries + " entries" : "",
            own);
    steps.add(new WalkReport.Step(step.what(), step.index(), step.hpa(), step.raw(), meaning));
    Access access = own.and(above);
    return access == null
        ? none(End.NOT_PERMITTED, entry)
        : new Result(
            End.MAPPED,
            Optional.of(new Translation(page | (iova & (bytes - 1)), bytes, access)),
            entry);
  }

  private static String link(long table, int level, int next, Access access) {
    return "table 0x"
        + Long.toHexString(table)
        + (next == level - 1 ? "" : " of level " + next)
        + (access == Access.READ_WRITE ? "" : ", " + access);
  }

  private static WalkReport.Step step(String what, int index, long at, long raw, String meaning) {
    return new WalkReport.Step(
        what, index, at, String.format(Locale.ROOT, "0x%016x", raw), meaning);
  }

  private static Result none(End end, long entry) {
    return new Result(end, Optional.empty(), entry);
  }
}
