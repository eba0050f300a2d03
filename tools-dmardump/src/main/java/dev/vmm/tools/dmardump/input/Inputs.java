package dev.vmm.tools.dmardump.input;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.machine.snapshot.SnapshotMachine;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;

/**
 * Opens what a user names, whatever it is: raw ACPI tables, one or several in a file, the text of
 * {@code acpidump}, a folder of tables, a snapshot. Stateless and thread-safe.
 */
public final class Inputs {
  /** The name of the standard input. */
  public static final String STANDARD_INPUT = "-";

  /** What can be read, for messages. */
  static final String EXPECTED =
      "raw ACPI tables, the text of acpidump, a folder of tables or a snapshot";

  /** Far above any real table or dump; keeps a wrong name from filling memory. */
  private static final int MAX_BYTES = 16 << 20;

  /** A snapshot that comes through a pipe has to be kept in memory. */
  private static final int MAX_PIPED_SNAPSHOT_BYTES = 32 << 20;

  private static final int MAGIC_BYTES = 4;

  /** What is read first: all of most files. */
  private static final int START_BYTES = 1 << 14;

  private Inputs() {}

  /**
   * Opens an input.
   *
   * @param name a file, a folder, or {@link #STANDARD_INPUT}
   * @param standardInput read only for that name, to its end; not closed
   * @throws VmmException ENOENT if it is not there or cannot be read; EINVAL if it is nothing that
   *     can be read, is damaged, or is too long
   */
  public static Input open(String name, InputStream standardInput) {
    if (name.equals(STANDARD_INPUT)) {
      return ofStream("standard input", standardInput);
    }
    File file = new File(name);
    // A stream of the old kind: a path and a channel run three times the code.
    try (InputStream in = new FileInputStream(file)) {
      byte[] start = in.readNBytes(START_BYTES);
      return isZip(start) && file.isFile()
          ? snapshot(name, SnapshotMachine.open(path(name)))
          : ofBytes(name, start, in);
    } catch (FileNotFoundException e) {
      if (file.isDirectory()) {
        return TableFolder.read(path(name));
      }
      throw unreadable(name, reason(path(name), e));
    } catch (IOException e) {
      throw unreadable(name, e);
    }
  }

  /**
   * Reads the tables of the machine that this runs on.
   *
   * @param folder where the operating system shows them, {@code /sys/firmware/acpi/tables} on Linux
   * @throws VmmException ENXIO if there is no such folder; ENOENT if the tables cannot be read
   */
  public static Input host(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw VmmException.of(
          Errno.ENXIO,
          "this host shows no firmware tables: there is no folder %s; name %s, or a machine with --machine",
          folder,
          EXPECTED);
    }
    Input.Tables tables = TableFolder.read(folder);
    List<String> notes = new java.util.ArrayList<>();
    notes.add(
        "the firmware tables of this host, from "
            + folder
            + "; the registers of its units are not read");
    notes.addAll(tables.notes());
    return new Input.Tables(tables.name(), tables.tables(), false, notes);
  }

  /** Tells a missing file from a forbidden one. */
  private static IOException reason(Path file, FileNotFoundException otherwise) {
    try {
      Files.newInputStream(file).close();
      return otherwise;
    } catch (IOException e) {
      return e;
    }
  }

  private static Input ofStream(String name, InputStream in) {
    try {
      return ofBytes(name, in.readNBytes(START_BYTES), in);
    } catch (IOException e) {
      throw unreadable(name, e);
    }
  }

  private static Input ofBytes(String name, byte[] start, InputStream rest) throws IOException {
    int max = isZip(start) ? MAX_PIPED_SNAPSHOT_BYTES : MAX_BYTES;
    byte[] bytes =
        start.length < START_BYTES ? start : join(start, rest.readNBytes(max + 1 - start.length));
    if (bytes.length > max) {
      throw VmmException.invalid(
          "%s is longer than 0x%x bytes: %s; name %s",
          name,
          max,
          isZip(start) ? "a longer snapshot is read from a file" : "no ACPI table is",
          EXPECTED);
    }
    return recognise(name, bytes);
  }

  /**
   * Recognises bytes.
   *
   * @throws VmmException EINVAL if they are nothing that can be read
   */
  static Input recognise(String name, byte[] bytes) {
    if (isZip(bytes)) {
      return snapshot(name, SnapshotMachine.of(bytes, name));
    }
    // A whole table comes first: in the text of acpidump its length would be letters, a huge one.
    if (!RawTables.isTable(bytes, 0) && Acpidump.isAcpidump(bytes)) {
      return Acpidump.read(name, bytes);
    }
    if (RawTables.startsLikeTable(bytes)) {
      return RawTables.read(name, bytes);
    }
    throw VmmException.invalid(
        "%s is %s: expected %s",
        name,
        bytes.length == 0
            ? "empty"
            : "nothing that is known here: it begins with the bytes "
                + HexFormat.ofDelimiter(" ").formatHex(bytes, 0, Math.min(bytes.length, 8)),
        EXPECTED);
  }

  private static Input snapshot(String name, SnapshotMachine machine) {
    return new Input.Opened(
        name,
        machine,
        List.of(
            "a snapshot of the machine "
                + machine.recordedName()
                + ", saved by "
                + machine.creator()));
  }

  private static boolean isZip(byte[] bytes) {
    return bytes.length >= MAGIC_BYTES
        && bytes[0] == 'P'
        && bytes[1] == 'K'
        && (bytes[2] == 3 || bytes[2] == 5)
        && bytes[3] == bytes[2] + 1;
  }

  static Path path(String name) {
    if (name.isBlank()) {
      throw VmmException.invalid("\"%s\" is no file name: name %s", name, EXPECTED);
    }
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw VmmException.invalid("\"%s\" is no file name: %s", name, e.getReason());
    }
  }

  /** Returns the failure of a file that cannot be read, with what to do. */
  static VmmException unreadable(String name, IOException e) {
    return unreadable(name, EXPECTED, e);
  }

  /** As {@link #unreadable(String, IOException)}, where something else was expected. */
  static VmmException unreadable(String name, String expected, IOException e) {
    if (e instanceof java.nio.file.NoSuchFileException) {
      return new VmmException(Errno.ENOENT, "there is no file " + name + "; name " + expected, e);
    }
    return e instanceof java.nio.file.AccessDeniedException
        ? new VmmException(
            Errno.ENOENT,
            "cannot read " + name + ": permission denied; run it as root, such as with sudo",
            e)
        : new VmmException(
            Errno.ENOENT, "cannot read " + name + ": " + e.getMessage() + "; name " + expected, e);
  }

  /** Returns tables, or the failure if there are none. */
  static Input.Tables tables(
      String name, List<AcpiTable> tables, boolean single, List<String> notes) {
    if (tables.isEmpty()) {
      throw VmmException.invalid(
          "%s holds no ACPI table%s: expected %s",
          name, notes.isEmpty() ? "" : " (" + String.join("; ", notes) + ")", EXPECTED);
    }
    return new Input.Tables(name, tables, single, notes);
  }

  private static byte[] join(byte[] first, byte[] second) {
    byte[] all = java.util.Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
