package dev.vmm.iommu.pagetable;

import static dev.vmm.iommu.pagetable.PageTableFormat.entryBytes;
import static dev.vmm.iommu.pagetable.PageTableFormat.entryShift;
import static dev.vmm.iommu.pagetable.PageTableFormat.index;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.WalkStep;
import dev.vmm.iommu.WalkStep.Why;
import dev.vmm.machine.PhysicalMemory;
import java.util.Optional;

/**
 * Finds the entry at which a device's access ends. Stateless and thread-safe; allocates only its
 * result, for it runs once a fault.
 */
public final class WalkFailure {
  private WalkFailure() {}

  /**
   * Walks as the hardware would. Whatever memory holds, it ends after one entry a level.
   *
   * @param levels the levels below {@code rootHpa}
   * @param access what the device wants, all of it
   * @return empty if the access is permitted, or if the walk has no first entry: the address is
   *     wider than the tables, or the root is not in RAM
   */
  public static Optional<WalkStep> find(
      PageTableFormat format,
      PhysicalMemory memory,
      long rootHpa,
      int levels,
      long iova,
      Access access) {
    int width = entryShift(levels + 1);
    if ((width < 64 && iova >>> width != 0) || !PageTableWalker.isTable(memory, rootHpa)) {
      return Optional.empty();
    }
    long table = rootHpa;
    int level = levels;
    while (true) {
      long at = table + 8L * index(iova, level);
      long entry = memory.readAcquire64(at);
      if (!format.isPresent(entry)) {
        return end(level, at, entry, Why.NOT_PRESENT);
      }
      if ((entry & format.reservedBits(entry, level)) != 0) {
        return end(level, at, entry, Why.RESERVED);
      }
      boolean leaf = format.isLeaf(entry, level);
      if (!permits(leaf ? format.leafAccess(entry) : format.linkAccess(entry), access)) {
        return end(level, at, entry, Why.NOT_PERMITTED);
      }
      if (leaf) {
        return Optional.empty();
      }
      if (level == 1) {
        return end(level, at, entry, Why.RESERVED);
      }
      int next = format.linkLevel(entry, level);
      if ((iova & (entryBytes(level) - 1)) >>> entryShift(next + 1) != 0) {
        return end(level, at, entry, Why.NOT_PRESENT);
      }
      table = format.linkAddress(entry);
      if (!PageTableWalker.isTable(memory, table)) {
        return end(level, at, entry, Why.UNREADABLE);
      }
      level = next;
    }
  }

  private static boolean permits(Access granted, Access wanted) {
    return (granted.readable() || !wanted.readable()) && (granted.writable() || !wanted.writable());
  }

  private static Optional<WalkStep> end(int level, long at, long entry, Why why) {
    return Optional.of(new WalkStep(level, at, entry, why));
  }
}
