package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Opens what the command line names. Stateless and thread-safe. */
final class Sources {
  /** Far above any real table; keeps a wrong file name from filling memory. */
  private static final int MAX_TABLE_BYTES = 16 << 20;

  private Sources() {}

  /**
   * Opens a machine.
   *
   * @throws VmmException as {@link Machines#open}
   */
  static Source machine(String name) {
    Machine machine = Machines.open(name);
    return new Source(name, machine.acpi().tables(), Optional.of(machine));
  }

  /**
   * Opens a file, or a machine if the word begins with the scheme of one.
   *
   * @throws VmmException ENOENT or EINVAL if it cannot be read or is nothing that we know
   */
  static Source open(String word) {
    if (word.matches("[a-z]+:.+") && !Files.exists(Path.of(word))) {
      return machine(word);
    }
    return new Source(word, List.of(AcpiTable.of(read(word), word)), Optional.empty());
  }

  private static byte[] read(String file) {
    if (file.isBlank()) {
      throw VmmException.invalid("\"%s\" is no file name: name a raw ACPI table", file);
    }
    Path path;
    try {
      path = Path.of(file);
    } catch (InvalidPathException e) {
      throw VmmException.invalid("\"%s\" is no file name: %s", file, e.getReason());
    }
    if (Files.isDirectory(path)) {
      throw VmmException.invalid(
          "%s is a directory: expected raw ACPI tables; name the files in it", file);
    }
    byte[] bytes;
    try (InputStream in = Files.newInputStream(path)) {
      bytes = in.readNBytes(MAX_TABLE_BYTES + 1);
    } catch (NoSuchFileException e) {
      throw new VmmException(
          Errno.ENOENT, "there is no file " + file + "; name a raw ACPI table", e);
    } catch (IOException e) {
      throw new VmmException(
          Errno.ENOENT,
          "cannot read "
              + file
              + ": "
              + (e instanceof AccessDeniedException ? "permission denied" : e.getMessage())
              + "; name a readable raw ACPI table",
          e);
    }
    if (bytes.length > MAX_TABLE_BYTES) {
      throw VmmException.invalid(
          "%s is longer than 0x%x bytes: no ACPI table is; name a raw ACPI table",
          file, MAX_TABLE_BYTES);
    }
    return bytes;
  }
}
