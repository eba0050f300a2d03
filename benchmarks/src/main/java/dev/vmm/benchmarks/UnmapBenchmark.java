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
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Unmaps 1 GiB of 4 KiB pages by one call: 513 tables are cut off and freed. Time per call. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class UnmapBenchmark {
  /** The memory that holds the tables. */
  @Param({"array", "file"})
  public String memory = "";

  /** The page-table format. */
  @Param({"vtd", "amd"})
  public String format = "";

  @SuppressWarnings("NullAway.Init") // by @Setup
  private RadixPageTable table;

  /** Makes the root. */
  @Setup
  public void makeTable() {
    PhysicalMemory ram = Bench.memory(memory);
    table = new RadixPageTable(Bench.format(format), 4, ram, true, Bench.NO_UNITS);
  }

  /** Maps what the benchmark removes; the hpa is a page off, so that no larger page fits. */
  @Setup(Level.Invocation)
  public void map() {
    table.map(Bench.HUGE, 8 * Bench.HUGE + Bench.PAGE, Bench.HUGE, Access.READ_WRITE);
  }

  /** Unmaps. */
  @Benchmark
  public boolean unmapGigabyte() {
    return table.unmap(Bench.HUGE, Bench.HUGE);
  }
}
