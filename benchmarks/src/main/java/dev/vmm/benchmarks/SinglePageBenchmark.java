package dev.vmm.benchmarks;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.pagetable.RadixPageTable;
import dev.vmm.machine.PhysicalMemory;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Maps and unmaps single 4 KiB pages at random places of 1 GiB whose 512 tables are there. Time per
 * pair of map and unmap.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class SinglePageBenchmark {
  private static final int PLACES = 1 << 14;

  /** The memory that holds the tables. */
  @Param({"array", "file"})
  public String memory = "";

  /** The page-table format. */
  @Param({"vtd", "amd"})
  public String format = "";

  @SuppressWarnings("NullAway.Init") // by @Setup
  private RadixPageTable table;

  private final long[] places = new long[PLACES];
  private int next;

  /** Makes the tables, each kept by a first page that is never drawn, and draws the places. */
  @Setup
  public void makeTables() {
    PhysicalMemory ram = Bench.memory(memory);
    table = new RadixPageTable(Bench.format(format), 4, ram, true, Bench.NO_UNITS);
    for (long at = Bench.HUGE; at < 2 * Bench.HUGE; at += Bench.LARGE) {
      table.map(at, at, Bench.PAGE, Access.READ_WRITE);
    }
    Random random = new Random(1);
    for (int i = 0; i < PLACES; i++) {
      places[i] =
          Bench.HUGE + random.nextInt(512) * Bench.LARGE + (1 + random.nextInt(511)) * Bench.PAGE;
    }
  }

  /** Maps a page and unmaps it. */
  @Benchmark
  public boolean mapAndUnmap() {
    long iova = places[next++ & (PLACES - 1)];
    table.map(iova, iova, Bench.PAGE, Access.READ_WRITE);
    return table.unmap(iova, Bench.PAGE);
  }
}
