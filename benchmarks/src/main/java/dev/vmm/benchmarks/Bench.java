package dev.vmm.benchmarks;

import dev.vmm.iommu.amd.structs.HostPageFormat;
import dev.vmm.iommu.intel.structs.SecondStageFormat;
import dev.vmm.iommu.pagetable.PageTableFormat;
import dev.vmm.iommu.pagetable.SimpleFormat;
import dev.vmm.iommu.pagetable.TableInvalidator;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.testing.ArrayMemory;

/** What the benchmarks' parameters stand for. */
final class Bench {
  static final long PAGE = 1L << 12;
  static final long LARGE = 1L << 21;
  static final long HUGE = 1L << 30;

  /** Units that have nothing to flush, so that the tables alone are measured. */
  static final TableInvalidator NO_UNITS =
      new TableInvalidator() {
        @Override
        public void mapped(long iova, long lengthBytes) {}

        @Override
        public void unmapped(long iova, long lengthBytes, boolean linksChanged) {}
      };

  private Bench() {}

  /** Returns memory for tables: {@code array} is {@code long[]}, {@code file} a mapped file. */
  static PhysicalMemory memory(String name) {
    return switch (name) {
      case "array" -> new ArrayMemory(64 << 20);
      case "file" -> new MappedFileMemory(64 << 20);
      default -> throw new IllegalArgumentException("memory " + name + ": expected array or file");
    };
  }

  /** Returns the format of this name. A back end's format is added here, and measured by name. */
  static PageTableFormat format(String name) {
    return switch (name) {
      case "simple" -> new SimpleFormat();
      case "vtd" -> new SecondStageFormat(46, PAGE | LARGE | HUGE, false);
      case "amd" -> new HostPageFormat(PAGE | LARGE | HUGE);
      default ->
          throw new IllegalArgumentException("format " + name + ": expected simple, vtd or amd");
    };
  }
}
