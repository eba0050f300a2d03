package dev.vmm.tools.dmardump;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import java.util.List;
import java.util.Optional;

/**
 * One thing to show.
 *
 * @param origin as the user named it
 * @param tables its firmware tables
 * @param machine the machine with the units, if there is one; closed with the source
 */
public record Source(String origin, List<AcpiTable> tables, Optional<Machine> machine)
    implements AutoCloseable {
  /** Copies the list. */
  public Source {
    tables = List.copyOf(tables);
  }

  /** Gives the machine up. */
  @Override
  public void close() {
    machine.ifPresent(Machine::close);
  }
}
