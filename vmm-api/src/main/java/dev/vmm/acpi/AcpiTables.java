package dev.vmm.acpi;

import java.util.List;
import java.util.Optional;

/** The ACPI tables of a machine. Thread-safe. */
public interface AcpiTables {
  /** Returns every table that could be read, in the firmware's order. */
  List<AcpiTable> tables();

  /** Returns the first table of this signature (four characters). */
  default Optional<AcpiTable> find(String signature) {
    return tables().stream().filter(table -> table.signature().equals(signature)).findFirst();
  }

  /** Returns an unchanging set of these tables. */
  static AcpiTables of(List<AcpiTable> tables) {
    List<AcpiTable> copy = List.copyOf(tables);
    return () -> copy;
  }
}
