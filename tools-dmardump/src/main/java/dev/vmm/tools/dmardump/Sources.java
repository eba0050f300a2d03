package dev.vmm.tools.dmardump;

import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.tools.dmardump.input.Input;
import dev.vmm.tools.dmardump.input.Inputs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Opens what the command line names. Immutable and thread-safe. */
final class Sources {
  private final Inspectors inspectors;

  Sources(Inspectors inspectors) {
    this.inspectors = inspectors;
  }

  /**
   * Opens a machine.
   *
   * @throws VmmException as {@link Machines#open}
   */
  Source machine(String name) {
    return opened(name, List.of(), Machines.open(name), true);
  }

  /** Shows a machine that stays its user's. */
  Source borrowed(Machine machine) {
    return opened(machine.name(), List.of(), machine, false);
  }

  /**
   * Opens a file, a folder or the standard input; or a machine, if the word is no file and begins
   * as the name of one does.
   *
   * @throws VmmException as {@link Inputs#open} and {@link Machines#open}
   */
  Source open(String word) {
    int colon = word.indexOf(':');
    if (colon > 0
        && word.chars().limit(colon).allMatch(c -> c >= 'a' && c <= 'z')
        && !Files.exists(Path.of(word))) {
      return machine(word);
    }
    return of(Inputs.open(word, System.in));
  }

  /**
   * Opens the tables of this host.
   *
   * @param folder where the operating system shows them
   * @throws VmmException as {@link Inputs#host}
   */
  Source host(Path folder) {
    return of(Inputs.host(folder));
  }

  private Source of(Input input) {
    if (input instanceof Input.Opened opened) {
      return opened(input.name(), input.notes(), opened.machine(), true);
    }
    return new Source(
        input.name(),
        input.notes(),
        inspectors.known((Input.Tables) input),
        Optional.empty(),
        true);
  }

  private Source opened(String name, List<String> notes, Machine machine, boolean owned) {
    return new Source(
        name,
        notes,
        machine.acpi().tables().stream()
            .filter(table -> inspectors.find(table).isPresent())
            .toList(),
        Optional.of(machine),
        owned);
  }
}
