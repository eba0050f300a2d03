package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.check.Count;
import org.jspecify.annotations.Nullable;

/** Walks second-stage tables. VT-d r4.1, "Second-Stage Translation" and "Paging-Structure". */
final class Walker {
  private static final long READ = 1;
  private static final long WRITE = 2;
  private static final long PS = 1 << 7;
  private static final long SNP = 1 << 11;
  private static final long TM = 1L << 62;

  private final Chip chip;
  private final Tables tables;
  private final StructureCache inner;
  private final Iotlb iotlb;

  Walker(Chip chip, Tables tables, StructureCache inner, Iotlb iotlb) {
    this.chip = chip;
    this.tables = tables;
    this.inner = inner;
    this.iotlb = iotlb;
  }

  /**
   * Walks, fills the caches, and returns what it found; null if a table cannot be read. What is not
   * present comes back with no rights, and is cached under CM only.
   */
  @Nullable Translation walk(ContextInfo context, long iova) {
    chip.count(Count.TABLE_WALK);
    int level = context.levels();
    boolean read = true;
    boolean write = true;
    TableRef table;
    StructureCache.Inner from = inner.lowest(context.did(), iova, level);
    if (from != null) {
      chip.count(Count.STRUCTURE_HIT);
      level = from.level() - 1;
      read = from.read();
      write = from.write();
      table = tables.take(from.next().hpa, TableRef.Kind.PAGES);
    } else {
      table = tables.take(context.ssptptr(), TableRef.Kind.PAGES);
    }
    while (true) {
      long hpa = table.hpa + ((iova >>> shift(level)) & 0x1ff) * 8;
      if (!chip.memory().isRam(hpa, 8)) {
        tables.release(table);
        return null;
      }
      long entry = chip.readTable(hpa);
      if ((entry & (READ | WRITE)) == 0) {
        return leaf(context, iova, 12, 0, false, false, null, table, chip.config().cm());
      }
      boolean last = level == 1 || ((entry & PS) != 0 && superpage(level));
      if ((entry & reserved(level, last)) != 0) {
        FaultReason reason = FaultReason.PAGE_ENTRY_RESERVED;
        return leaf(context, iova, 12, 0, false, false, reason, table, chip.config().cm());
      }
      read &= (entry & READ) != 0;
      write &= (entry & WRITE) != 0;
      long address = entry & 0xf_ffff_ffff_f000L;
      if (last) {
        return leaf(context, iova, shift(level), address, read, write, null, table, true);
      }
      TableRef next = tables.take(address, TableRef.Kind.PAGES);
      long covered = iova & (-1L << shift(level));
      inner.insert(
          new StructureCache.Inner(
              context.did(), level, covered, next, read, write, context.sid()));
      tables.release(table);
      table = next;
      level--;
    }
  }

  private Translation leaf(
      ContextInfo context,
      long iova,
      int bits,
      long hpa,
      boolean read,
      boolean write,
      @Nullable FaultReason reason,
      TableRef table,
      boolean keep) {
    // That nothing is present leads nowhere, and stays true when the table is unlinked: nobody has
    // to make the unit forget it before the table is freed.
    boolean present = read || write || reason != null;
    Translation found =
        new Translation(
            context.sid(),
            context.did(),
            iova & (-1L << bits),
            bits,
            hpa,
            read,
            write,
            context.fpd(),
            reason,
            present ? table : null);
    if (keep) {
      iotlb.insert(found);
    }
    if ((read || write) && toInterrupts(found)) {
      chip.violation(
          VtdRule.INTERRUPT_RANGE_TARGET,
          "domain 0x%x translates 0x%x to 0x%x",
          found.did(),
          found.iova(),
          found.hpa());
    }
    tables.release(table);
    return found;
  }

  private static boolean toInterrupts(Translation t) {
    return !t.identity() && t.hpa() <= 0xfeefffffL && t.hpa() + (1L << t.bits()) > 0xfee00000L;
  }

  private boolean superpage(int level) {
    return (level == 2 || level == 3) && ((chip.config().sllps() >>> (level - 2)) & 1) != 0;
  }

  private long reserved(int level, boolean last) {
    long beyondHaw = 0xf_ffff_ffff_f000L & (-1L << chip.config().haw());
    if (!last) {
      return beyondHaw | PS | SNP | TM;
    }
    return beyondHaw
        | ((1L << shift(level)) - 0x1000L)
        | (chip.config().sc() ? 0 : SNP)
        | (chip.config().dt() ? 0 : TM);
  }

  private static int shift(int level) {
    return 12 + 9 * (level - 1);
  }
}
