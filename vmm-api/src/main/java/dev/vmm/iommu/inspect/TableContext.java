package dev.vmm.iommu.inspect;

import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import java.util.Optional;

/**
 * Where a table is from, for what the table alone cannot tell.
 *
 * @param machine which devices are there, and what is memory; empty for a file
 * @param memoryMap what firmware says of that memory; empty if nobody knows
 */
public record TableContext(Optional<Machine> machine, Optional<MemoryMap> memoryMap) {
  /** That of a table of which nothing more is known. */
  public static final TableContext NONE = new TableContext(Optional.empty(), Optional.empty());

  /** Returns that of a machine's tables. */
  public static TableContext of(Machine machine) {
    return new TableContext(Optional.of(machine), machine.memoryMap());
  }
}
