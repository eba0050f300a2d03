package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.amd.Caches.Directory;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.UnitSite;

/**
 * A walk of the host page tables. Source: 48882 rev 3, "I/O Page Tables for Host Translations".
 * Guarded by the unit.
 */
final class HostWalk {
  /** How a walk ends. */
  enum End {
    /** At a page. */
    PAGE,
    /** At an entry that is not present, or at address bits that no level looks at. */
    NOT_PRESENT,
    /** At an entry that skips levels whose address bits are not 0. */
    SKIPPED_BITS,
    /** At reserved bits. */
    RESERVED_BITS,
    /** At a level that is none. */
    BAD_LEVEL,
    /** At an entry that is not in memory. */
    NO_MEMORY
  }

  /**
   * What a walk found.
   *
   * @param hpa of the 4 KiB that the address lies in, or of the entry that is not in memory
   */
  record Result(End end, long hpa, boolean read, boolean write) {
    static Result failed(End end, long hpa) {
      return new Result(end, hpa, false, false);
    }
  }

  private static final long PRESENT = 1;
  private static final long PTE_RESERVED = 0x7fL << 52;
  private static final long PDE_RESERVED = 0x1ffL << 52;
  private static final int SIZE_IN_ADDRESS = 7;

  private final UnitSite site;
  private final Caches caches;
  private final TableReader reader;

  HostWalk(UnitSite site, Caches caches, TableReader reader) {
    this.site = site;
    this.caches = caches;
    this.reader = reader;
  }

  /** Returns the lowest address bit that an entry of this level covers. */
  static int shift(int level) {
    return 12 + 9 * (level - 1);
  }

  private static boolean bitsAbove(long iova, int level) {
    return level < 6 && iova >>> shift(level + 1) != 0;
  }

  /** Walks from the lowest cached table, or from the root. */
  Result walk(Dte dte, long iova) {
    site.counters().add(Count.TABLE_WALK);
    if (bitsAbove(iova, dte.mode())) {
      return Result.failed(End.NOT_PRESENT, 0);
    }
    Directory at = caches.lowest(dte.domainId(), dte.mode(), iova);
    if (at == null) {
      at = new Directory(dte.mode(), 0, dte.root(), true, true);
    } else {
      site.counters().add(Count.STRUCTURE_HIT);
    }
    boolean snoop = !dte.snoopDisabled();
    while (true) {
      int level = at.level();
      long entryHpa = at.table() + 8 * ((iova >>> shift(level)) & 0x1ff);
      if (!site.memory().isRam(entryHpa, 8)) {
        return Result.failed(End.NO_MEMORY, entryHpa);
      }
      long entry = reader.read(entryHpa, snoop);
      if ((entry & PRESENT) == 0) {
        return Result.failed(End.NOT_PRESENT, 0);
      }
      int next = (int) (entry >>> 9) & 7;
      boolean read = at.read() && ((entry >>> 61) & 1) != 0;
      boolean write = at.write() && ((entry >>> 62) & 1) != 0;
      if (next == 0 || next == SIZE_IN_ADDRESS) {
        return page(entry, entryHpa, level, next, iova, read, write);
      }
      if ((entry & PDE_RESERVED) != 0) {
        return Result.failed(End.RESERVED_BITS, 0);
      }
      if (next >= level) {
        return Result.failed(End.BAD_LEVEL, 0);
      }
      // Of the address bits of levels that are skipped none may be set.
      long prefix = iova >>> shift(next + 1);
      if ((prefix & ((1L << (9 * (level - 1 - next))) - 1)) != 0) {
        return Result.failed(End.SKIPPED_BITS, 0);
      }
      at = new Directory(next, prefix, entry & Dte.ADDRESS, read, write);
      caches.put(dte.domainId(), at);
    }
  }

  private Result page(
      long entry, long entryHpa, int level, int next, long iova, boolean read, boolean write) {
    if ((entry & PTE_RESERVED) != 0) {
      return Result.failed(End.RESERVED_BITS, 0);
    }
    int shift = shift(level);
    if (next == SIZE_IN_ADDRESS) {
      // The first 0 from bit 12 up is the highest bit below the page's size.
      int zero = Long.numberOfTrailingZeros(~((entry & Dte.ADDRESS) | 0xfff));
      if (zero + 1 < shift || zero + 1 >= shift(level + 1) || zero > 51) {
        site.violations()
            .record(
                AmdViRule.PAGE_SIZE_ENCODING,
                site.name(),
                "entry 0x%x at 0x%x of level %d is for a page of 2^%d bytes",
                entry,
                entryHpa,
                level,
                zero + 1);
        return Result.failed(End.BAD_LEVEL, 0);
      }
      shift = zero + 1;
    }
    long inside = (1L << shift) - 1;
    return new Result(
        End.PAGE, (entry & Dte.ADDRESS & ~inside) | (iova & inside & -4096L), read, write);
  }
}
