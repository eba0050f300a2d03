package dev.vmm.acpi.decode;

/** A structure of a table, as messages name it. */
public interface TableStructure {
  /** Returns the offset of its first byte in the table. */
  int offset();

  /** Returns where it is: its table, offset and kind. */
  String where();
}
