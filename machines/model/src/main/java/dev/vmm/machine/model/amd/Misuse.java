package dev.vmm.machine.model.amd;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.machine.model.memory.StoreWatcher;
import java.util.HashMap;
import java.util.Map;

/** Notices what software may not do to tables and buffers in use. Guarded by the unit. */
final class Misuse {
  private final UnitSite site;
  private final Registers registers;
  private final StoreWatcher watcher;

  /** What each device entry has been since it was last invalidated. */
  private final Map<Integer, EntryHistory> histories = new HashMap<>();

  /** Counts stores to device entries and hand-overs of commands. */
  private long clock;

  /**
   * Starts without a watch.
   *
   * @param watcher what is told of stores: the unit, which comes here under its lock
   */
  Misuse(UnitSite site, Registers registers, StoreWatcher watcher) {
    this.site = site;
    this.registers = registers;
    this.watcher = watcher;
  }

  void record(AmdViRule rule, String format, Object... args) {
    site.violations().record(rule, site.name(), format, args);
  }

  void watch(AddressRange range) {
    if (site.memory().isRam(range.start(), range.lengthBytes())) {
      for (long page = range.start(); range.contains(page); page += PhysicalMemory.PAGE_BYTES) {
        site.memory().watchStores(page, watcher);
      }
    }
  }

  void unwatch(AddressRange range) {
    if (site.memory().isRam(range.start(), range.lengthBytes())) {
      for (long page = range.start(); range.contains(page); page += PhysicalMemory.PAGE_BYTES) {
        site.memory().unwatchStores(page, watcher);
      }
    }
  }

  /** Returns the time of a command that is handed over now. */
  long handOver() {
    return ++clock;
  }

  /** An invalidation that was handed over at that time was carried out. */
  void deviceInvalidated(int deviceId, long handedOver) {
    EntryHistory history = histories.get(deviceId);
    if (history != null && history.invalidated(handedOver)) {
      histories.remove(deviceId);
    }
  }

  void allDevicesInvalidated(long handedOver) {
    histories.values().removeIf(history -> history.invalidated(handedOver));
  }

  /** The unit begins or ceases to look at entries. */
  void forgetDevices() {
    histories.clear();
  }

  void deviceEntryStored(long hpa, long before, long after, int widthBytes) {
    long offset = hpa - registers.deviceTable().start();
    int deviceId = registers.deviceIdAt(hpa);
    int word = (int) (offset % Dte.BYTES) / 8;
    long entry = hpa & -Dte.BYTES;
    long w0 = word == 0 ? before : site.memory().deviceRead64(entry);
    boolean valid = word < 2 ? (w0 & 1) != 0 : (wordBefore(entry, word, before) & 1) != 0;
    if (valid && widthBytes != 8) {
      record(
          AmdViRule.DEVICE_ENTRY_NARROW,
          "device 0x%04x word %d 0x%x to 0x%x by %d bytes",
          deviceId,
          word,
          before,
          after,
          widthBytes);
    }
    if (word < 2) {
      torn(deviceId, entry, word, before, after);
    }
  }

  /** Returns the word that has IV, before this store. */
  private long wordBefore(long entry, int word, long before) {
    return word == 2 ? before : site.memory().deviceRead64(entry + 16);
  }

  private void torn(int deviceId, long entry, int word, long before, long after) {
    long other = site.memory().deviceRead64(entry + 8 - 8L * word);
    EntryHistory history =
        histories.computeIfAbsent(
            deviceId,
            id -> word == 0 ? new EntryHistory(before, other) : new EntryHistory(other, before));
    boolean clean =
        word == 0 ? history.add(++clock, after, other) : history.add(++clock, other, after);
    if (!clean) {
      record(
          AmdViRule.DEVICE_ENTRY_TORN,
          "device 0x%04x word %d 0x%x to 0x%x while a change of the other word, of an entry with"
              + " rights, is not known to have been seen",
          deviceId,
          word,
          before,
          after);
    }
  }

  void pageTableStored(long hpa, long before, long after, int widthBytes) {
    if (widthBytes != 8 && ((before | after) & 1) != 0) {
      record(
          AmdViRule.PAGE_ENTRY_NARROW,
          "entry at 0x%x 0x%x to 0x%x by %d bytes",
          hpa,
          before,
          after,
          widthBytes);
    }
  }

  void interruptTableStored(long hpa, long before, long after, int widthBytes) {
    if (widthBytes < Irte.BYTES && ((before | after) & 0x1_0000_0001L) != 0) {
      record(
          AmdViRule.INTERRUPT_ENTRY_NARROW,
          "entries at 0x%x 0x%x to 0x%x by %d bytes",
          hpa,
          before,
          after,
          widthBytes);
    }
  }

  void commandStored(Ring ring, long hpa, long before, long after) {
    if (ring.pending(hpa - ring.base())) {
      record(
          AmdViRule.COMMAND_CHANGED,
          "word at 0x%x 0x%x to 0x%x, head 0x%x, tail 0x%x",
          hpa,
          before,
          after,
          ring.head,
          ring.tail);
    }
  }

  /**
   * Software frees memory: a buffer is in use while it runs, the rest while the unit is enabled.
   */
  void freed(AddressRange run, Caches caches, Ring commands, Ring events) {
    if (commands.busy() && run.overlaps(commands.range())) {
      record(AmdViRule.STRUCTURE_FREED, "%s, with the command buffer", run);
    }
    if (events.busy() && run.overlaps(events.range())) {
      record(AmdViRule.STRUCTURE_FREED, "%s, with the event log", run);
    }
    if (!registers.enabled()) {
      return;
    }
    Long table = caches.tables.firstIn(run);
    if (table != null) {
      record(AmdViRule.TABLE_FREED, "%s, with the cached table at 0x%x", run, table);
    }
    Long interrupts = caches.interrupts.tables.firstIn(run);
    if (interrupts != null) {
      record(
          AmdViRule.INTERRUPT_TABLE_FREED,
          "%s, with the interrupt table at 0x%x, which a cache knows",
          run,
          interrupts);
    }
    Long target = caches.targets.firstIn(run);
    if (target != null) {
      record(AmdViRule.MEMORY_FREED, "%s, with a cached translation to 0x%x", run, target);
    }
    if (run.overlaps(registers.deviceTable())) {
      record(AmdViRule.STRUCTURE_FREED, "%s, with the device table", run);
    }
  }
}
