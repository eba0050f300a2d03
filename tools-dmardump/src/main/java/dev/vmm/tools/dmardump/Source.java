package dev.vmm.tools.dmardump;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import java.util.List;
import java.util.Optional;

/**
 * One thing to show.
 *
 * @param origin as the user named it
 * @param notes what the reader should know of it, a sentence each
 * @param tables its firmware tables that a back end decodes, or the one that none does
 * @param machine the machine with the units, if there is one
 * @param owned whether the machine is closed with the source
 */
record Source(
    String origin,
    List<String> notes,
    List<AcpiTable> tables,
    Optional<Machine> machine,
    boolean owned)
    implements AutoCloseable {
  /** Copies the lists. */
  Source {
    notes = List.copyOf(notes);
    tables = List.copyOf(tables);
  }

  /** Gives the machine up. */
  @Override
  public void close() {
    if (owned) {
      machine.ifPresent(Machine::close);
    }
  }
}
