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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Makes a host domain's table and maps RAM 1:1 with large pages. Time per table. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class HostDomainBenchmark {
  /** The memory that holds the tables. */
  @Param({"array", "file"})
  public String memory = "";

  /** The page-table format. */
  @Param({"vtd", "amd"})
  public String format = "";

  @SuppressWarnings("NullAway.Init") // by @Setup
  private PhysicalMemory ram;

  @SuppressWarnings("NullAway.Init") // by the benchmark
  private RadixPageTable table;

  /** Makes the memory that holds the tables. */
  @Setup
  public void makeMemory() {
    ram = Bench.memory(memory);
  }

  /** Gives the tables back. */
  @TearDown(Level.Invocation)
  public void close() {
    table.close(true);
  }

  /** Maps 1 TiB with 1 GiB pages: three tables. */
  @Benchmark
  public void terabyteOfGigabytePages() {
    table = new RadixPageTable(Bench.format(format), 4, ram, true, Bench.NO_UNITS);
    table.map(0, 0, 1024 * Bench.HUGE, Access.READ_WRITE);
  }

  /** Maps 64 GiB with 2 MiB pages, 2 MiB off so that no larger page fits: 67 tables. */
  @Benchmark
  public void sixtyFourGigabytesOfTwoMegabytePages() {
    table = new RadixPageTable(Bench.format(format), 4, ram, true, Bench.NO_UNITS);
    table.map(0, Bench.LARGE, 64 * Bench.HUGE, Access.READ_WRITE);
  }
}
