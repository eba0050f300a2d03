package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.check.Count;
import org.jspecify.annotations.Nullable;

/** Finds context entries, in the cache or in memory. VT-d r4.1, "Root Entry", "Context Entry". */
final class ContextReader {
  private static final long P = 1;

  private final Chip chip;
  private final Tables tables;
  private final ContextCache cache;
  private long rootTable;

  ContextReader(Chip chip, Tables tables, ContextCache cache) {
    this.chip = chip;
    this.tables = tables;
    this.cache = cache;
  }

  void rootTable(long hpa) {
    rootTable = hpa;
  }

  ContextInfo get(int sid) {
    ContextInfo cached = cache.get(sid);
    if (cached != null) {
      chip.count(Count.CONTEXT_HIT);
      return cached;
    }
    chip.count(Count.CONTEXT_MISS);
    ContextInfo info = fetch(sid);
    boolean broken =
        info.reason() == FaultReason.ROOT_TABLE_ACCESS
            || info.reason() == FaultReason.CONTEXT_TABLE_ACCESS;
    if (info.reason() == null || (chip.config().cm() && !broken)) {
      check(info);
      cache.put(info);
    }
    return info;
  }

  private void check(ContextInfo info) {
    if (info.reason() != null) {
      return;
    }
    if (chip.config().cm() && info.did() == 0) {
      chip.violation(
          VtdRule.DOMAIN_ID_ZERO, "the context entry of source 0x%x has domain id 0", info.sid());
    }
    ContextInfo other = cache.conflicting(info);
    if (other != null) {
      chip.violation(
          VtdRule.DOMAIN_ID_AMBIGUOUS,
          "sources 0x%x (entry 0x%x) and 0x%x (entry 0x%x) both have domain id 0x%x",
          info.sid(),
          info.low(),
          other.sid(),
          other.low(),
          info.did());
    }
  }

  private ContextInfo fetch(int sid) {
    int bus = sid >>> 8;
    ContextCache.Root root = cache.root(bus);
    long contextTable;
    if (root != null) {
      contextTable = root.table().hpa;
    } else {
      long entry = rootTable + bus * 16L;
      if (!readable(entry)) {
        return blocked(sid, FaultReason.ROOT_TABLE_ACCESS, 0, 0, 0);
      }
      long low = chip.readTable(entry);
      long high = chip.readTable(entry + 8);
      if ((low & P) == 0) {
        return blocked(sid, FaultReason.ROOT_ENTRY_NOT_PRESENT, 0, 0, 0);
      }
      if ((low & (0xffeL | beyondHaw())) != 0 || high != 0) {
        return blocked(sid, FaultReason.ROOT_ENTRY_RESERVED, 0, 0, 0);
      }
      contextTable = low & -0x1000L;
      TableRef table = tables.take(contextTable, TableRef.Kind.CONTEXT);
      cache.putRoot(bus, new ContextCache.Root(entry, table));
      tables.release(table);
    }
    long entry = contextTable + (sid & 0xff) * 16L;
    if (!readable(entry)) {
      return blocked(sid, FaultReason.CONTEXT_TABLE_ACCESS, 0, 0, 0);
    }
    long low = chip.readTable(entry);
    long high = chip.readTable(entry + 8);
    if ((low & P) == 0) {
      return blocked(sid, FaultReason.CONTEXT_ENTRY_NOT_PRESENT, low, high, entry);
    }
    return new ContextInfo(sid, defect(low, high), low, high, entry);
  }

  private @Nullable FaultReason defect(long low, long high) {
    VtdConfig config = chip.config();
    int tt = (int) (low >>> 2) & 3;
    int aw = (int) high & 7;
    boolean passThrough = tt == 2;
    long reservedLow = 0xff0L | (passThrough ? 0 : beyondHaw());
    long reservedHigh = 0xffff_ffff_ff00_0080L | (0xffff00L & (-1L << (8 + config.domainIdBits())));
    if ((low & reservedLow) != 0 || (high & reservedHigh) != 0) {
      return FaultReason.CONTEXT_ENTRY_RESERVED;
    }
    boolean known = tt == 0 || (tt == 1 && config.dt()) || (passThrough && config.pt());
    boolean wide = passThrough ? aw + 2 == config.mostLevels() : config.supportsLevels(aw + 2);
    return known && wide ? null : FaultReason.CONTEXT_ENTRY_INVALID;
  }

  private static ContextInfo blocked(
      int sid, FaultReason reason, long low, long high, long entryHpa) {
    return new ContextInfo(sid, reason, low, high, entryHpa);
  }

  private long beyondHaw() {
    return -1L << chip.config().haw();
  }

  private boolean readable(long hpa) {
    return chip.memory().isRam(hpa, 16);
  }
}
