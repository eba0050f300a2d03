package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.machine.model.memory.ModelMemory;

/** What all parts of one unit share. */
record Chip(UnitSite site, VtdConfig config, Gate gate) {
  ModelMemory memory() {
    return site.memory();
  }

  String name() {
    return site.name();
  }

  void violation(VtdRule rule, String format, Object... args) {
    site.violations().record(rule, site.name(), format, args);
  }

  /** Reads a word of a table as the unit sees it, which software must have made visible. */
  long readTable(long hpa) {
    count(Count.TABLE_READ);
    if (memory().isStale(hpa)) {
      violation(
          VtdRule.STALE_TABLE,
          "the word at 0x%x was read as 0x%x, from before its memory was allocated; it holds 0x%x",
          hpa,
          memory().unitRead64(hpa),
          memory().deviceRead64(hpa));
    }
    return memory().unitRead64(hpa);
  }

  void count(Count count) {
    site.counters().add(count);
  }
}
