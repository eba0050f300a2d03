package dev.vmm.benchmarks;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.pagetable.RadixPageTable;
import dev.vmm.machine.PhysicalMemory;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Maps 1 GiB of 4 KiB pages into tables that are there: 512 calls, each of which fills a table but
 * for its first page, which is mapped already and keeps the table. Time per page.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class MapPresentBenchmark {
  private static final int TABLES = 512;
  private static final int PAGES = TABLES * 511;

  /** The memory that holds the tables. */
  @Param({"array", "file"})
  public String memory = "";

  /** The page-table format. */
  @Param({"vtd", "amd"})
  public String format = "";

  @SuppressWarnings("NullAway.Init") // by @Setup
  private RadixPageTable table;

  /** Makes the tables. */
  @Setup
  public void makeTables() {
    PhysicalMemory ram = Bench.memory(memory);
    table = new RadixPageTable(Bench.format(format), 4, ram, true, Bench.NO_UNITS);
    for (long at = Bench.HUGE; at < 2 * Bench.HUGE; at += Bench.LARGE) {
      table.map(at, at + Bench.PAGE, Bench.PAGE, Access.READ_WRITE);
    }
  }

  /** Clears what the benchmark mapped. */
  @TearDown(Level.Invocation)
  public void unmap() {
    for (long at = Bench.HUGE; at < 2 * Bench.HUGE; at += Bench.LARGE) {
      table.unmap(at + Bench.PAGE, Bench.LARGE - Bench.PAGE);
    }
  }

  /** Maps; the hpa is a page off, so that no larger page fits. */
  @Benchmark
  @OperationsPerInvocation(PAGES)
  public void mapPages() {
    for (long at = Bench.HUGE; at < 2 * Bench.HUGE; at += Bench.LARGE) {
      long iova = at + Bench.PAGE;
      table.map(iova, iova + Bench.PAGE, Bench.LARGE - Bench.PAGE, Access.READ_WRITE);
    }
  }
}
