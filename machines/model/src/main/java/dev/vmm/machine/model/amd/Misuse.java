package dev.vmm.machine.model.amd;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.machine.model.memory.StoreWatcher;
import java.util.HashMap;
import java.util.Map;

/** Notices what software may not do to tables and buffers in use. Guarded by the unit. */
final class Misuse {
  private static final int WORD0 = 1;
  private static final int WORD1 = 2;
  private static final long DOMAIN_ID = 0xffff;

  private final UnitSite site;
  private final Registers registers;
  private final StoreWatcher watcher;

  /** Words of live device entries that changed since the entry was last invalidated. */
  private final Map<Integer, Integer> changed = new HashMap<>();

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

  void deviceInvalidated(int deviceId) {
    changed.remove(deviceId);
  }

  void allDevicesInvalidated() {
    changed.clear();
  }

  void deviceEntryStored(long hpa, long before, long after, int widthBytes) {
    long offset = hpa - registers.deviceTable().start();
    int deviceId = (int) (offset / Dte.BYTES);
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
      torn(deviceId, word, before, after, w0);
    }
  }

  /** Returns the word that has IV, before this store. */
  private long wordBefore(long entry, int word, long before) {
    return word == 2 ? before : site.memory().deviceRead64(entry + 16);
  }

  private void torn(int deviceId, int word, long before, long after, long w0) {
    boolean liveBefore = Dte.live(w0);
    boolean liveAfter = word == 0 ? Dte.live(after) : liveBefore;
    int other = changed.getOrDefault(deviceId, 0) & (word == 0 ? ~WORD0 : ~WORD1);
    boolean matters = word == 0 || ((before ^ after) & DOMAIN_ID) != 0;
    if (!matters) {
      return;
    }
    if (liveBefore && other != 0) {
      record(
          AmdViRule.DEVICE_ENTRY_TORN,
          "device 0x%04x word %d 0x%x to 0x%x after another word of the valid entry changed",
          deviceId,
          word,
          before,
          after);
    }
    if (liveAfter) {
      changed.merge(deviceId, word == 0 ? WORD0 : WORD1, (a, b) -> a | b);
    } else {
      changed.remove(deviceId);
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

  /** Software frees memory while the unit is enabled. */
  void freed(AddressRange run, Caches caches, Ring commands, Ring events) {
    Long table = caches.tables.firstIn(run);
    if (table != null) {
      record(AmdViRule.TABLE_FREED, "%s, with the cached table at 0x%x", run, table);
    }
    Long target = caches.targets.firstIn(run);
    if (target != null) {
      record(AmdViRule.MEMORY_FREED, "%s, with a cached translation to 0x%x", run, target);
    }
    if (run.overlaps(registers.deviceTable())) {
      record(AmdViRule.STRUCTURE_FREED, "%s, with the device table", run);
    }
    if (commands.busy() && run.overlaps(commands.range())) {
      record(AmdViRule.STRUCTURE_FREED, "%s, with the command buffer", run);
    }
    if (events.busy() && run.overlaps(events.range())) {
      record(AmdViRule.STRUCTURE_FREED, "%s, with the event log", run);
    }
  }
}
