package dev.vmm.machine.model.amd;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What the unit remembers of interrupt tables, by device id: every entry of a line of 64 bytes of
 * which one was needed, those that are not enabled too. Nothing leaves by itself, nor with the
 * device table entry. Guarded by the unit.
 */
final class InterruptCache {
  static final int LINE_BYTES = 64;

  /** Entries in a line. */
  static final int LINE_ENTRIES = LINE_BYTES / Irte.BYTES;

  /** Some entries, as they were read, and where that was. */
  private static final class Line {
    final long hpa;
    final int[] entries;

    Line(long hpa, int[] entries) {
      this.hpa = hpa;
      this.entries = entries;
    }
  }

  private final Map<Integer, Map<Integer, Line>> devices = new TreeMap<>();
  private final LongConsumer tableKnown;
  private final LongConsumer tableForgotten;

  /** Pages of tables that a device table entry leads to, or that an entry was read from. */
  final PageCounts tables = new PageCounts();

  /** Tells of each page of a table that becomes known and is forgotten. */
  InterruptCache(LongConsumer tableKnown, LongConsumer tableForgotten) {
    this.tableKnown = tableKnown;
    this.tableForgotten = tableForgotten;
  }

  /** A device table entry is cached from now on. */
  void deviceKnown(Dte dte) {
    if (dte.remapsInterrupts()) {
      pages(dte).forEach(this::know);
    }
  }

  /** A device table entry is cached no more. */
  void deviceForgotten(Dte dte) {
    if (dte.remapsInterrupts()) {
      pages(dte).forEach(this::forget);
    }
  }

  @Nullable Irte entry(int deviceId, int index) {
    Map<Integer, Line> lines = devices.get(deviceId);
    Line line = lines == null ? null : lines.get(index / LINE_ENTRIES);
    return line == null ? null : new Irte(line.entries[index % LINE_ENTRIES]);
  }

  void put(int deviceId, int line, long hpa, int[] entries) {
    know(hpa & -4096L);
    Line old =
        devices.computeIfAbsent(deviceId, id -> new TreeMap<>()).put(line, new Line(hpa, entries));
    if (old != null) {
      forget(old.hpa & -4096L);
    }
  }

  /** Forgets the entries of a device; returns the lines that they were in. */
  List<Integer> forget(int deviceId) {
    Map<Integer, Line> lines = devices.remove(deviceId);
    if (lines == null) {
      return List.of();
    }
    lines.values().forEach(line -> forget(line.hpa & -4096L));
    return new ArrayList<>(lines.keySet());
  }

  /** Returns the ids of devices of which an entry is cached. */
  List<Integer> deviceIds() {
    return new ArrayList<>(devices.keySet());
  }

  /** Forgets all entries. */
  void clear() {
    deviceIds().forEach(this::forget);
  }

  int entriesCached() {
    return devices.values().stream().mapToInt(lines -> lines.size() * LINE_ENTRIES).sum();
  }

  private static List<Long> pages(Dte dte) {
    List<Long> pages = new ArrayList<>();
    long end = dte.interruptTable() + dte.interruptTableBytes();
    for (long page = dte.interruptTable() & -4096L; page < end; page += 4096) {
      pages.add(page);
    }
    return pages;
  }

  private void know(long page) {
    if (tables.add(page)) {
      tableKnown.accept(page);
    }
  }

  private void forget(long page) {
    if (tables.remove(page)) {
      tableForgotten.accept(page);
    }
  }
}
