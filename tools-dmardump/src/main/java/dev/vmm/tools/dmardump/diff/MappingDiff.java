package dev.vmm.tools.dmardump.diff;

import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.tools.dmardump.DumpRenderer;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Compares what two page tables map, address by address: a range that only grew shows what it grew
 * by. Stateless.
 */
final class MappingDiff {
  private MappingDiff() {}

  /**
   * Adds the differences.
   *
   * @param before merged runs, by iova
   * @param after merged runs, by iova
   */
  static void add(
      String where, List<MappingReport> before, List<MappingReport> after, List<Change> changes) {
    // Between two neighbouring bounds either side is all one run or nothing.
    TreeSet<Long> bounds = new TreeSet<>(Long::compareUnsigned);
    bounds(before, bounds);
    bounds(after, bounds);
    int one = 0;
    int other = 0;
    for (Long bound : bounds) {
      long iova = bound;
      @Nullable Long next = bounds.higher(iova);
      one = skip(before, one, iova);
      other = skip(after, other, iova);
      MappingReport was = at(before, one, iova);
      MappingReport is = at(after, other, iova);
      if (was == null && is == null) {
        continue;
      }
      // The last piece reaches to the end of its run, which may be the end of the address space.
      MappingReport any = was == null ? java.util.Objects.requireNonNull(is) : was;
      long length = next == null ? any.iova() + any.lengthBytes() - iova : next - iova;
      if (was == null) {
        changes.add(Change.added(where(where, iova, length), text(any, iova)));
      } else if (is == null) {
        changes.add(Change.removed(where(where, iova, length), text(was, iova)));
      } else if (was.hpa() - was.iova() != is.hpa() - is.iova() || was.access() != is.access()) {
        changes.add(Change.changed(where(where, iova, length), text(was, iova), text(is, iova)));
      }
    }
  }

  private static void bounds(List<MappingReport> runs, Set<Long> bounds) {
    for (MappingReport run : runs) {
      bounds.add(run.iova());
      long end = run.iova() + run.lengthBytes();
      if (end != 0) {
        bounds.add(end);
      }
    }
  }

  private static int skip(List<MappingReport> runs, int at, long iova) {
    int next = at;
    while (next < runs.size()
        && Long.compareUnsigned(runs.get(next).iova() + runs.get(next).lengthBytes() - 1, iova)
            < 0) {
      next++;
    }
    return next;
  }

  private static @Nullable MappingReport at(List<MappingReport> runs, int at, long iova) {
    return at < runs.size() && Long.compareUnsigned(runs.get(at).iova(), iova) <= 0
        ? runs.get(at)
        : null;
  }

  private static String where(String where, long iova, long length) {
    return String.format(
        Locale.ROOT, "%s iova 0x%x-0x%x, %s", where, iova, iova + length - 1, size(length));
  }

  private static String text(MappingReport run, long iova) {
    return String.format(Locale.ROOT, "hpa 0x%x %s", run.hpa() + (iova - run.iova()), run.access());
  }

  static String size(long bytes) {
    return DumpRenderer.size(bytes);
  }
}
