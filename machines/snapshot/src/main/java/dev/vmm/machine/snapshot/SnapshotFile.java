package dev.vmm.machine.snapshot;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.pci.Rid;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What is in a snapshot: small things read at once, pages when they are asked for. Thread-safe. */
final class SnapshotFile {
  private final String name;
  private final ZipDirectory zip;
  private final Map<String, ZipDirectory.Entry> entries = new HashMap<>();
  private final Map<Long, ZipDirectory.Entry> pages = new HashMap<>();
  private final Manifest manifest;
  private final AcpiTables tables;
  private final Map<Rid, byte[]> functions = new TreeMap<>();
  private final RecordedRegisters registers;
  private volatile boolean closed;

  /** Reads all but the pages of memory. */
  SnapshotFile(String name, Bytes bytes) throws IOException {
    this.name = name;
    this.zip = new ZipDirectory(name, bytes);
    zip.read(this::take);
    this.manifest =
        Manifest.parse(
            where(SnapshotFormat.MANIFEST),
            text(SnapshotFormat.MANIFEST, SnapshotFormat.MAX_MANIFEST_BYTES));
    this.tables = readTables();
    readFunctions();
    this.registers =
        RecordedRegisters.parse(
            name,
            where(SnapshotFormat.REGISTERS),
            text(SnapshotFormat.REGISTERS, SnapshotFormat.MAX_REGISTERS_BYTES));
    entries.clear();
  }

  Manifest manifest() {
    return manifest;
  }

  AcpiTables tables() {
    return tables;
  }

  Map<Rid, byte[]> functions() {
    return functions;
  }

  RecordedRegisters registers() {
    return registers;
  }

  /**
   * Returns a page of memory.
   *
   * @throws VmmException ENOENT if it was not recorded
   */
  byte[] page(long hpa) {
    if (closed) {
      throw VmmException.of(dev.vmm.Errno.EIO, "%s is closed: its memory cannot be read", name);
    }
    ZipDirectory.Entry entry = pages.get(hpa);
    if (entry == null) {
      throw VmmException.of(
          dev.vmm.Errno.ENOENT,
          "%s does not hold the page of memory at 0x%x: only pages that were read when it was recorded are in it; record"
              + " it again with this version",
          name,
          hpa);
    }
    return exactly(SnapshotFormat.pageEntry(hpa), entry, SnapshotFormat.PAGE_BYTES);
  }

  void close() {
    closed = true;
    try {
      zip.close();
    } catch (IOException e) {
      // It was only read: nothing is lost.
    }
  }

  private void take(String entryName, ZipDirectory.Entry entry) {
    Long page = SnapshotFormat.page(entryName);
    boolean isNew;
    if (page != null) {
      isNew = pages.put(page, entry) == null;
      if (pages.size() > SnapshotFormat.MAX_PAGES) {
        throw zip.damaged("it has more than %d pages of memory", SnapshotFormat.MAX_PAGES);
      }
    } else if (isKnown(entryName)) {
      isNew = entries.put(entryName, entry) == null;
      if (entries.size() > SnapshotFormat.MAX_FUNCTIONS + SnapshotFormat.MAX_TABLES + 2) {
        throw zip.damaged("it has too many tables or functions");
      }
    } else if (isFolder(entryName)) {
      return; // Packers add them.
    } else {
      throw zip.damaged(
          "its entry \"%s\" is none of a snapshot", entryName.replaceAll("[^ -~]", "?"));
    }
    if (!isNew) {
      throw zip.damaged("it has two entries %s", entryName);
    }
  }

  private static boolean isKnown(String entry) {
    return entry.equals(SnapshotFormat.MANIFEST)
        || entry.equals(SnapshotFormat.REGISTERS)
        || SnapshotFormat.isTable(entry)
        || SnapshotFormat.function(entry) != null;
  }

  private static boolean isFolder(String entry) {
    return entry.equals(SnapshotFormat.TABLES)
        || entry.equals(SnapshotFormat.PCI)
        || entry.equals(SnapshotFormat.MEMORY);
  }

  private String where(String entry) {
    return name + ": " + entry;
  }

  private byte[] bytes(String entryName, int maxBytes) {
    ZipDirectory.Entry entry = entries.get(entryName);
    if (entry == null) {
      throw zip.damaged("it has no entry %s", entryName);
    }
    return zip.bytes(entryName, entry, maxBytes);
  }

  private byte[] exactly(String entryName, ZipDirectory.Entry entry, int length) {
    byte[] bytes = zip.bytes(entryName, entry, length);
    if (bytes.length != length) {
      throw zip.damaged("entry %s has 0x%x bytes: expected 0x%x", entryName, bytes.length, length);
    }
    return bytes;
  }

  private String text(String entry, int maxBytes) {
    return new String(bytes(entry, maxBytes), StandardCharsets.UTF_8);
  }

  private AcpiTables readTables() {
    List<AcpiTable> found = new ArrayList<>();
    long total = 0;
    for (Manifest.Table table : manifest.tables()) {
      byte[] bytes = bytes(table.entry(), SnapshotFormat.MAX_TABLE_BYTES);
      total += bytes.length;
      if (total > SnapshotFormat.MAX_TABLES_BYTES) {
        throw zip.damaged("its tables have more than 0x%x bytes", SnapshotFormat.MAX_TABLES_BYTES);
      }
      try {
        found.add(AcpiTable.of(bytes, table.origin()));
      } catch (VmmException e) {
        throw zip.damaged("entry %s: %s", table.entry(), String.valueOf(e.getMessage()));
      }
    }
    return AcpiTables.of(found);
  }

  private void readFunctions() {
    for (Map.Entry<String, ZipDirectory.Entry> entry : entries.entrySet()) {
      Rid rid = SnapshotFormat.function(entry.getKey());
      if (rid != null) {
        functions.put(rid, exactly(entry.getKey(), entry.getValue(), SnapshotFormat.CONFIG_BYTES));
      }
    }
  }
}
