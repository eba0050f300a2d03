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

  void count(Count count) {
    site.counters().add(count);
  }
}
