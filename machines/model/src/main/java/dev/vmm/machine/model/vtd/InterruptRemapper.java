package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.dma.InterruptMessage;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides on interrupts, by the table that SIRTP gave the unit and a cache of its entries that only
 * the right invalidation empties. VT-d r4.1, "Interrupt Remapping" and "Interrupt Entry Cache".
 */
final class InterruptRemapper {
  private static final long PAGE = 0x1000;
  private static final int ENTRY = 16;
  private static final long EIME = 1L << 11;

  // IRTE bits 63:0.
  private static final long P = 1;
  private static final long FPD = 1 << 1;
  private static final long DM = 1 << 2;
  private static final long RH = 1 << 3;
  private static final long TM = 1 << 4;

  /** Posting, IM, is for units that have it; 14:12 and 31:24 are reserved. */
  private static final long RESERVED_LOW = 0xff00_f000L;

  /** Without extended interrupt mode the destination is bits 47:40. */
  private static final long RESERVED_SHORT = 0xffff_00ff_0000_0000L;

  /** IRTE bits 127:84, which posting would use. */
  private static final long RESERVED_HIGH = ~0xf_ffffL;

  private static final Logger LOG = LoggerFactory.getLogger(InterruptRemapper.class);

  private record Entry(long hpa, long low, long high, @Nullable TableRef table) {
    boolean present() {
      return (low & P) != 0;
    }
  }

  private final Chip chip;
  private final Tables tables;
  private final Faults faults;
  private final Map<Integer, Entry> cache = new HashMap<>();
  private final List<TableRef> latched = new ArrayList<>();
  private long irta;
  private boolean flushed;
  private boolean live;

  InterruptRemapper(Chip chip, Tables tables, Faults faults) {
    this.chip = chip;
    this.tables = tables;
    this.faults = faults;
  }

  /** The unit remaps from now on, or no more. */
  void live(boolean now) {
    live = now;
    tables.interruptsLive(now);
  }

  /** SIRTP is complete. */
  void latch(long register) {
    LOG.debug("{}: interrupt table 0x{}", chip.name(), Long.toHexString(register));
    unlatch();
    irta = register;
    flushed = false;
    long first = register & -PAGE;
    for (long page = first; page < first + (long) entries() * ENTRY; page += PAGE) {
      TableRef table = tables.take(page, TableRef.Kind.INTERRUPTS);
      table.latched = true;
      latched.add(table);
    }
  }

  private void unlatch() {
    for (TableRef table : latched) {
      table.latched = false;
      tables.release(table);
    }
    latched.clear();
  }

  boolean flushedSinceLatched() {
    return flushed;
  }

  /** The power is gone. */
  void forget() {
    removeIf(index -> true);
    unlatch();
    irta = 0;
    flushed = false;
    live(false);
  }

  private int entries() {
    return 2 << (irta & 0xf);
  }

  /** Says whether the present entry at this address is cached. */
  boolean has(long entryHpa) {
    return cache.values().stream().anyMatch(entry -> entry.present() && entry.hpa == entryHpa);
  }

  int size() {
    return cache.size();
  }

  /** Decides on a message; null if it is blocked. */
  @Nullable InterruptMessage remap(int sid, long address, int data, boolean compatibility) {
    if ((address & 1 << 4) == 0) {
      // In extended interrupt mode none passes, whatever CFIS says.
      return compatibility && (irta & EIME) == 0
          ? new InterruptMessage(address, data)
          : blocked(sid, 0, FaultReason.COMPATIBILITY_FORMAT_BLOCKED, false);
    }
    int index = (int) (address >>> 5 & 0x7fff) | (int) (address >>> 2 & 1) << 15;
    if ((address & 1 << 3) != 0) {
      index += data & 0xffff;
    }
    if (data >>> 16 != 0) {
      return blocked(sid, index, FaultReason.INTERRUPT_REQUEST_RESERVED, false);
    }
    if (index >= entries()) {
      return blocked(sid, index, FaultReason.INTERRUPT_INDEX_BEYOND_TABLE, false);
    }
    Entry entry = fetch(index);
    if (entry == null) {
      return blocked(sid, index, FaultReason.INTERRUPT_TABLE_ACCESS, false);
    }
    FaultReason reason = defect(entry, sid);
    if (reason != null) {
      return blocked(sid, index, reason, (entry.low & FPD) != 0);
    }
    long low = entry.low;
    return InterruptMessage.to(
        (irta & EIME) != 0 ? (int) (low >>> 32) : (int) (low >>> 40) & 0xff,
        (low & DM) != 0,
        (low & RH) != 0,
        (int) (low >>> 5) & 7,
        (low & TM) != 0,
        (int) (low >>> 16) & 0xff);
  }

  private @Nullable FaultReason defect(Entry entry, int sid) {
    if (!entry.present()) {
      return FaultReason.INTERRUPT_ENTRY_NOT_PRESENT;
    }
    if (isMalformed(entry)) {
      return FaultReason.INTERRUPT_ENTRY_RESERVED;
    }
    int id = (int) entry.high & 0xffff;
    boolean matches =
        switch ((int) (entry.high >>> 18) & 3) {
          case 1 -> {
            int ignored = new int[] {0, 0b100, 0b110, 0b111}[(int) (entry.high >>> 16) & 3];
            yield (id | ignored) == (sid | ignored);
          }
          case 2 -> sid >>> 8 >= id >>> 8 && sid >>> 8 <= (id & 0xff);
          default -> true;
        };
    return matches ? null : FaultReason.INTERRUPT_SOURCE_MISMATCH;
  }

  private boolean isMalformed(Entry entry) {
    long reserved = RESERVED_LOW | ((irta & EIME) != 0 ? 0 : RESERVED_SHORT);
    int mode = (int) (entry.low >>> 5) & 7;
    return (entry.low & reserved) != 0
        || (entry.high & RESERVED_HIGH) != 0
        || (entry.high >>> 18 & 3) == 3
        || mode == 3
        || mode == 6;
  }

  private @Nullable InterruptMessage blocked(
      int sid, int index, FaultReason reason, boolean disabled) {
    if (!disabled || !reason.qualified()) {
      faults.recordInterrupt(sid, index, reason);
    }
    return null;
  }

  /** Returns an entry from the cache, or else from memory; null if there is no memory. */
  private @Nullable Entry fetch(int index) {
    Entry cached = cache.get(index);
    if (cached != null) {
      return cached;
    }
    long hpa = (irta & -PAGE) + (long) index * ENTRY;
    if (!chip.memory().isRam(hpa, ENTRY)) {
      return null;
    }
    long low = chip.readTable(hpa);
    long high = chip.readTable(hpa + 8);
    Entry read = new Entry(hpa, low, high, null);
    if (chip.config().cm() || (read.present() && !isMalformed(read))) {
      read = new Entry(hpa, low, high, tables.take(hpa & -PAGE, TableRef.Kind.INTERRUPTS));
      cache.put(index, read);
    }
    return read;
  }

  /** Forgets all. */
  void invalidate() {
    flushed = true;
    invalidateIf(index -> true);
  }

  /** Forgets {@code 2^mask} entries. */
  void invalidate(int first, int mask) {
    invalidateIf(index -> index >>> mask == first >>> mask);
  }

  private void invalidateIf(IntPredicate which) {
    List<Integer> gone = removeIf(which);
    if (live && chip.config().eagerRefetch()) {
      gone.forEach(this::fetch);
    }
  }

  private List<Integer> removeIf(IntPredicate which) {
    List<Integer> gone = cache.keySet().stream().filter(which::test).toList();
    for (int index : gone) {
      Entry entry = cache.remove(index);
      if (entry != null) {
        tables.release(entry.table);
      }
    }
    return gone;
  }
}
