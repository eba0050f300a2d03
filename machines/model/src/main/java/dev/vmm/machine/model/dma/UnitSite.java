package dev.vmm.machine.model.dma;

import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.check.Violations;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;

/**
 * What a unit is built into: the memory it walks and the desks it reports to.
 *
 * @param name the unit's name, such as {@code vtd0}
 * @param memory the machine's memory
 * @param violations where misuse is recorded
 * @param counters where work is counted
 * @param injector who decides what fails
 * @param messages where the unit's own interrupts go
 * @param drain who waits for the DMAs that the unit let through
 */
public record UnitSite(
    String name,
    ModelMemory memory,
    Violations violations,
    Counters counters,
    Injector injector,
    Messages messages,
    Drain drain) {
  /** A place whose DMAs are never in flight. */
  public UnitSite(
      String name,
      ModelMemory memory,
      Violations violations,
      Counters counters,
      Injector injector,
      Messages messages) {
    this(name, memory, violations, counters, injector, messages, Drain.NOTHING);
  }
}
