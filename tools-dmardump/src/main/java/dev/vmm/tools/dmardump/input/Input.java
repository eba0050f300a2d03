package dev.vmm.tools.dmardump.input;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import java.util.List;

/** What was found under a name: firmware tables, or a machine. */
public sealed interface Input extends AutoCloseable {
  /** Returns what the user called it. */
  String name();

  /**
   * Returns what the reader should know, a sentence each: what was left out, what is not looked at.
   */
  List<String> notes();

  /** Gives up what is held for it; never throws. */
  @Override
  void close();

  /**
   * Firmware tables.
   *
   * @param name what the user called it
   * @param tables in the order they were found; at least one
   * @param single whether it can only be one table, so that it is a mistake to name one of another
   *     kind
   * @param notes what was left out
   */
  record Tables(String name, List<AcpiTable> tables, boolean single, List<String> notes)
      implements Input {
    /** Copies the lists. */
    public Tables {
      tables = List.copyOf(tables);
      notes = List.copyOf(notes);
    }

    @Override
    public void close() {}
  }

  /**
   * A machine: a snapshot that was opened.
   *
   * @param name what the user called it
   * @param machine closed with the input
   * @param notes what the machine is
   */
  record Opened(String name, Machine machine, List<String> notes) implements Input {
    /** Copies the list. */
    public Opened {
      notes = List.copyOf(notes);
    }

    @Override
    public void close() {
      machine.close();
    }
  }
}
