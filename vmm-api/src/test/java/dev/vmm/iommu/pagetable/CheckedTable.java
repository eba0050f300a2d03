package dev.vmm.iommu.pagetable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.inspect.MappingReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** A table with its oracle and its unit; every change is checked as it happens. */
final class CheckedTable {
  private static final long PAGE = 1L << 12;
  private static final long LARGE = 1L << 21;
  private static final long HUGE = 1L << 30;

  /** Each step's surroundings are checked page by page; all pages only after so many steps. */
  private static final int STEPS_PER_WHOLE_CHECK = 8;

  final PageTableFormat format;
  private final List<Access> accesses;
  final WatchedMemory memory = new WatchedMemory(1L << 30);
  final PageTableOracle oracle;
  final CachingUnit unit;
  final RadixPageTable table;
  final long step;
  private boolean confirmed = true;
  private int steps;

  CheckedTable(PageTableFormat format, List<Access> accesses, int levels, boolean coherent) {
    this(format, accesses, levels, coherent, PAGE);
  }

  CheckedTable(PageTableFormat format, List<Access> accesses, int levels, long step) {
    this(format, accesses, levels, false, step);
  }

  private CheckedTable(
      PageTableFormat format, List<Access> accesses, int levels, boolean coherent, long step) {
    this.format = format;
    this.accesses = accesses;
    this.step = step;
    oracle = new PageTableOracle(step);
    unit = new CachingUnit(format, memory);
    memory.recordDirty = !coherent;
    TableInvalidator watched =
        new TableInvalidator() {
          @Override
          public void mapped(long iova, long lengthBytes) {
            assertThat(memory.dirty.isEmpty())
                .as("all words flushed when the units are told")
                .isTrue();
            unit.mapped(iova, lengthBytes);
          }

          @Override
          public void unmapped(long iova, long lengthBytes, boolean linksChanged) {
            assertThat(memory.dirty.isEmpty())
                .as("all words flushed when the units are told")
                .isTrue();
            unit.unmapped(iova, lengthBytes, linksChanged);
            confirmed = true;
          }
        };
    table = new RadixPageTable(format, levels, memory, coherent, watched);
    unit.use(table);
  }

  void step(Random random, long iova, long length, long window, long windowBytes) {
    Access access =
        random.nextInt(4) > 0 ? Access.READ_WRITE : accesses.get(random.nextInt(accesses.size()));
    if (random.nextInt(5) < 3) {
      long hpa =
          random.nextInt(4) > 0
              ? (iova & 8 * HUGE - 1) + 8 * HUGE
              : 32 * HUGE + random.nextInt(1 << 10) * step;
      tryMap(iova, hpa, length, access);
    } else {
      unmap(iova, length);
    }
    if (++steps % STEPS_PER_WHOLE_CHECK == 0) {
      check(window, windowBytes);
    } else {
      long from = Math.max(window, iova - this.step);
      check(from, Math.min(window + windowBytes, iova + length + this.step) - from);
    }
  }

  void map(long iova, long hpa, long length, Access access) {
    assertThat(tryMap(iova, hpa, length, access)).isTrue();
  }

  /** Returns whether it was mapped; if not, checks that the refusal is the documented one. */
  boolean tryMap(long iova, long hpa, long length, Access access) {
    PageTableOracle after = oracle.copy();
    int told = unit.mapped + unit.unmapped;
    if (!after.map(iova, hpa, length, access)) {
      long conflict = oracle.firstMapped(iova, length).orElseThrow();
      long pages = table.tablePages();
      assertThatThrownBy(() -> table.map(iova, hpa, length, access))
          .isInstanceOf(VmmException.class)
          .hasMessageContaining(String.format("iova 0x%x is mapped already", conflict));
      assertThat(table.tablePages()).isEqualTo(pages);
      assertThat(unit.mapped + unit.unmapped).isEqualTo(told);
      return false;
    }
    watch(after, iova, length);
    try {
      table.map(iova, hpa, length, access);
    } catch (VmmException e) {
      assertThat(e.errno()).isEqualTo(Errno.ENOMEM);
      return false;
    } finally {
      unwatch();
    }
    assertThat(unit.mapped + unit.unmapped).as("calls for one map").isEqualTo(told + 1);
    oracle.map(iova, hpa, length, access);
    return true;
  }

  void unmap(long iova, long length) {
    PageTableOracle after = oracle.copy();
    int told = unit.unmapped;
    long stores = memory.stores;
    int allocations = memory.allocations;
    boolean any = after.unmap(iova, length);
    watch(after, iova, length);
    try {
      assertThat(table.unmap(iova, length)).isEqualTo(any);
    } finally {
      unwatch();
    }
    assertThat(unit.unmapped).as("calls for one unmap").isEqualTo(any ? told + 1 : told);
    if (!any) {
      assertThat(memory.stores).isEqualTo(stores);
      assertThat(memory.allocations).isEqualTo(allocations);
    }
    oracle.unmap(iova, length);
  }

  void unmapAll(long iova, long length) {
    unmap(iova, length);
    check(iova, length);
    assertThat(table.tablePages()).as("only the root is left").isEqualTo(1);
    assertThat(memory.allocatedBytes()).isEqualTo(PAGE);
  }

  /** A page that a change may touch, and what it may be. */
  private record Probe(
      long iova, PageTableOracle.@Nullable Page before, PageTableOracle.@Nullable Page after) {}

  /** From now on every store must leave each page as it is in one of the two oracles. */
  private void watch(PageTableOracle after, long iova, long length) {
    TreeSet<Long> addresses = new TreeSet<>();
    for (long edge : new long[] {iova, iova + length}) {
      addresses.add(edge - PAGE);
      addresses.add(edge);
      for (long size : new long[] {LARGE, HUGE}) {
        addresses.add(edge & -size);
        addresses.add((edge & -size) + size - PAGE);
      }
    }
    addresses.add(iova + (length / 2 & -PAGE));
    List<Probe> probes = new ArrayList<>();
    for (long at : addresses) {
      if (Long.compareUnsigned(at, table.lastIova()) <= 0) {
        probes.add(new Probe(at, oracle.page(at).orElse(null), after.page(at).orElse(null)));
      }
    }
    confirmed = false;
    memory.afterStore =
        () -> {
          long link = format.linkAddress(memory.read64(memory.lastStored));
          if (memory.isDirty(link)) {
            throw new AssertionError("link to a table not flushed yet");
          }
          for (Probe probe : probes) {
            PageTableOracle.Page now =
                CachingUnit.walk(format, memory, table.rootHpa(), table.levels(), probe.iova());
            if (!Objects.equals(now, probe.before())) {
              assertThat(now)
                  .as("page 0x%x between two stores", probe.iova())
                  .isEqualTo(probe.after());
            }
          }
        };
    memory.beforeFree =
        () -> {
          // Tables that were never linked may go back without a flush: when memory runs out.
          assertThat(confirmed || memory.allocationsLeft == 0).as("flushed before free").isTrue();
        };
  }

  private void unwatch() {
    memory.afterStore = () -> {};
    memory.beforeFree = () -> {};
  }

  /** Compares every page of the range, the walker's view of all, and the unit's caches. */
  void check(long iova, long length) {
    unit.assertNothingStale();
    long inside = step == PAGE ? 0 : 5 * PAGE;
    for (long at = iova; at - iova < length; at += step) {
      PageTableOracle.Page expected = oracle.page(at + inside).orElse(null);
      Translation found = table.translate(at + inside + 0x123).orElse(null);
      // No assertThat for millions of pages: it costs more than all the rest.
      boolean agrees =
          expected == null
              ? found == null
              : found != null
                  && found.hpa() == expected.hpa() + 0x123
                  && found.access() == expected.access()
                  && (format.pageSizes() & found.pageBytes()) != 0;
      if (!agrees) {
        throw new AssertionError(
            String.format("iova 0x%x: found %s, expected %s", at, found, expected));
      }
      unit.access(at + inside);
    }
    PageTableWalker.Result walked =
        PageTableWalker.walk(format, memory, table.rootHpa(), table.levels());
    assertThat(walked.problems()).isEmpty();
    assertThat(walked.tablePages()).isEqualTo(table.tablePages());
    assertThat(walked.mappings().stream().map(CheckedTable::withoutSizes)).isEqualTo(oracle.runs());
  }

  private static MappingReport withoutSizes(MappingReport run) {
    return new MappingReport(run.iova(), run.hpa(), run.lengthBytes(), run.access(), 0);
  }
}
