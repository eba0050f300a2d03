package dev.vmm.concurrency;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.pagetable.PageTableFormat;
import dev.vmm.iommu.pagetable.RadixPageTable;
import dev.vmm.iommu.pagetable.SimpleFormat;
import dev.vmm.iommu.pagetable.TableInvalidator;
import dev.vmm.machine.PhysicalMemory;

/** A page table and a unit that walks it without a lock, as hardware does. */
final class Walk {
  static final long PAGE = 1L << 12;
  static final long LARGE = 1L << 21;

  /** A present entry led to an entry that is not there. */
  static final int HOLE = -1;

  /** An entry has bits that nobody ever wrote. */
  static final int GARBAGE = -2;

  /** The walk ended at the table where it began, or at one that holds other mappings too. */
  static final int NOTHING = 0;

  /** The walk ended at the right page. */
  static final int MAPPED = 1;

  private static final int LEVELS = 3;
  private static final SimpleFormat FORMAT = new SimpleFormat(3, PAGE | LARGE);

  /** Units that confirm at once: a walk takes no longer than a flush would. */
  private static final TableInvalidator NOTHING_CACHED =
      new TableInvalidator() {
        @Override
        public void mapped(long iova, long lengthBytes) {}

        @Override
        public void unmapped(long iova, long lengthBytes, boolean linksChanged) {}
      };

  final RadixPageTable table;
  private final PhysicalMemory memory;

  Walk(PhysicalMemory memory) {
    this.memory = memory;
    table = new RadixPageTable(FORMAT, LEVELS, memory, true, NOTHING_CACHED);
  }

  /** Maps pages at an iova to the same hpa. */
  void map(long iova, long lengthBytes) {
    table.map(iova, iova, lengthBytes, Access.READ_WRITE);
  }

  /** Follows the entries for {@code iova}: each read is of the address that the one before gave. */
  int walk(long iova) {
    long at = table.rootHpa();
    for (int level = LEVELS; level > 0; level--) {
      long entry = memory.readAcquire64(at + 8L * PageTableFormat.index(iova, level));
      if (!FORMAT.isPresent(entry)) {
        return level == LEVELS ? NOTHING : HOLE;
      }
      if ((entry & FORMAT.reservedBits(entry, level)) != 0) {
        return GARBAGE;
      }
      if (FORMAT.isLeaf(entry, level)) {
        long offset = iova & (PageTableFormat.entryBytes(level) - 1);
        return FORMAT.leafAddress(entry, level) + offset == iova ? MAPPED : GARBAGE;
      }
      at = FORMAT.linkAddress(entry);
    }
    return GARBAGE;
  }
}
