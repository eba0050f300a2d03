package dev.vmm.tools.dmardump.input;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A folder whose files are raw tables, such as {@code /sys/firmware/acpi/tables}. Stateless. */
final class TableFolder {
  private static final int MAX_FILES = 4096;
  private static final int MAX_TABLE_BYTES = 16 << 20;
  private static final long MAX_TOTAL_BYTES = 64L << 20;

  private TableFolder() {}

  /**
   * Reads the tables, by file name; folders inside and files that are none are left out, and told.
   *
   * @throws VmmException ENOENT if the folder or a file in it cannot be read, EINVAL if there is no
   *     table in it
   */
  static Input.Tables read(Path folder) {
    List<AcpiTable> tables = new ArrayList<>();
    Notes notes = new Notes();
    long total = 0;
    for (Path file : files(folder, notes)) {
      if (!Files.isRegularFile(file)) {
        notes.add("%s is left out: it is no ordinary file", file);
        continue;
      }
      byte[] bytes = bytes(file);
      total += bytes.length;
      if (total > MAX_TOTAL_BYTES) {
        notes.add(
            "%s and the files after it are left out: they exceed 0x%x bytes",
            file, MAX_TOTAL_BYTES);
        break;
      }
      if (bytes.length > MAX_TABLE_BYTES) {
        notes.add(
            "%s is left out: it is longer than 0x%x bytes, as no table is", file, MAX_TABLE_BYTES);
      } else if (!RawTables.startsLikeTable(bytes)) {
        notes.add("%s is left out: it is no ACPI table", file);
      } else {
        add(file, bytes, tables, notes);
      }
    }
    return Inputs.tables(folder.toString(), tables, false, notes.list());
  }

  private static void add(Path file, byte[] bytes, List<AcpiTable> tables, Notes notes) {
    try {
      Input.Tables found = RawTables.read(file.toString(), bytes);
      tables.addAll(found.tables());
      found.notes().forEach(note -> notes.add("%s", note));
    } catch (VmmException e) {
      notes.add("%s is left out: %s", file, String.valueOf(e.getMessage()));
    }
  }

  private static List<Path> files(Path folder, Notes notes) {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
      for (Path file : stream) {
        if (files.size() == MAX_FILES) {
          notes.add("%s has more than %d files: the others are left out", folder, MAX_FILES);
          break;
        }
        files.add(file);
      }
    } catch (IOException e) {
      throw Inputs.unreadable(folder.toString(), e);
    } catch (DirectoryIteratorException e) {
      throw Inputs.unreadable(folder.toString(), new IOException(e));
    }
    files.sort(null);
    return files;
  }

  private static byte[] bytes(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(MAX_TABLE_BYTES + 1);
    } catch (IOException e) {
      throw Inputs.unreadable(file.toString(), e);
    }
  }
}
