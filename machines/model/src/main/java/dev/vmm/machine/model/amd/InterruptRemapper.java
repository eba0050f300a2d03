package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.dma.InterruptMessage;
import dev.vmm.machine.model.dma.UnitSite;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * From a device's message to the interrupt that it is, or to none. Source: 48882 rev 3, "Device
 * Table Entry Format" (IV and after), "Interrupt Remapping Tables, Guest Virtual APIC Not Enabled",
 * "IO_PAGE_FAULT Event" (I=1), "SMI Filter Registers". No more than 512 entries can be reached:
 * bits 10:8 of an index are the kind of the message, and only fixed and arbitrated ones, 0 and 1,
 * are remapped. Guarded by the unit.
 */
final class InterruptRemapper {
  /** IntTabLen: 2048 entries. */
  static final int LONGEST_TABLE = 0b1011;

  private static final int INDEX_MASK = 0x7ff;
  private static final int SYSTEM_MANAGEMENT = 2;

  private final UnitSite site;
  private final Registers registers;
  private final InterruptCache cache;
  private final TableReader reader;
  private final Consumer<Event> events;

  InterruptRemapper(
      UnitSite site,
      Registers registers,
      InterruptCache cache,
      TableReader reader,
      Consumer<Event> events) {
    this.site = site;
    this.registers = registers;
    this.cache = cache;
    this.reader = reader;
    this.events = events;
  }

  /** Returns what goes on, or null if nothing does. */
  @Nullable InterruptMessage remap(int deviceId, Dte dte, long address, int data) {
    if ((data >>> 8 & 7) == SYSTEM_MANAGEMENT && !registers.smiPasses(deviceId)) {
      // The filter asks for no entry.
      if (registers.smiTold()) {
        events.accept(Event.of(Event.IO_PAGE_FAULT, deviceId, 0, Event.I, address));
      }
      return null;
    }
    if (!dte.interruptValid()) {
      return new InterruptMessage(address, data);
    }
    if (dte.reservedInterruptBits()) {
      return illegalEntry(deviceId, Event.I | Event.RZ, address);
    }
    boolean passes =
        switch (data >>> 8 & 7) {
          case 0, 1 -> dte.interruptControl() == 0b01;
          case SYSTEM_MANAGEMENT -> true;
          case 4 -> dte.nmiPasses();
          case 5 -> dte.initPasses();
          case 7 -> dte.extIntPasses();
          default -> false;
        };
    if (passes) {
      return new InterruptMessage(address, data);
    }
    if ((data >>> 8 & 7) > 1) {
      return fault(deviceId, dte, 0, address);
    }
    return switch (dte.interruptControl()) {
      case 0b00 -> {
        events.accept(
            Event.of(Event.INVALID_DEVICE_REQUEST, deviceId, 0, Event.INTERRUPT_BLOCKED, address));
        yield null;
      }
      case 0b10 -> byTable(deviceId, dte, address, data & INDEX_MASK);
      default -> illegalEntry(deviceId, Event.I, address);
    };
  }

  private @Nullable InterruptMessage byTable(int deviceId, Dte dte, long address, int index) {
    if (dte.interruptTableLength() > LONGEST_TABLE) {
      return illegalEntry(deviceId, Event.I | Event.RZ, address);
    }
    if (index >= 1 << dte.interruptTableLength()) {
      return fault(deviceId, dte, 0, address);
    }
    Irte entry = cache.entry(deviceId, index);
    if (entry == null) {
      if (!read(deviceId, dte, index / InterruptCache.LINE_ENTRIES)) {
        events.accept(
            Event.of(
                Event.PAGE_TAB_HARDWARE_ERROR,
                deviceId,
                dte.domainId(),
                Event.I | Event.MASTER_ABORT,
                dte.interruptTable() + (long) index * Irte.BYTES));
        return null;
      }
      entry = cache.entry(deviceId, index);
    }
    if (entry == null || !entry.remapEnabled()) {
      return entry != null && entry.suppressed() ? null : fault(deviceId, dte, 0, address);
    }
    if (entry.illegal()) {
      return entry.suppressed() ? null : fault(deviceId, dte, Event.PR | Event.RZ, address);
    }
    return entry.message();
  }

  /** Reads a line of a device's table; returns whether it is in memory. */
  private boolean read(int deviceId, Dte dte, int line) {
    long hpa = dte.interruptTable() + (long) line * InterruptCache.LINE_BYTES;
    if (!site.memory().isRam(hpa, InterruptCache.LINE_BYTES)) {
      return false;
    }
    int[] entries = new int[InterruptCache.LINE_ENTRIES];
    for (int i = 0; i < entries.length; i += 2) {
      long word = reader.read(hpa + (long) i * Irte.BYTES, !dte.snoopDisabled());
      entries[i] = (int) word;
      entries[i + 1] = (int) (word >>> 32);
    }
    cache.put(deviceId, line, hpa, entries);
    return true;
  }

  /** Reads lines again that were known, as a unit may at any time, by the entry that it has. */
  void refetch(int deviceId, Dte dte, Iterable<Integer> lines) {
    if (!dte.remapsInterrupts()) {
      return;
    }
    for (int line : lines) {
      if (line * InterruptCache.LINE_ENTRIES < 1 << dte.interruptTableLength()) {
        read(deviceId, dte, line);
      }
    }
  }

  private @Nullable InterruptMessage fault(int deviceId, Dte dte, int flags, long address) {
    if (!dte.ignoresUnmappedInterrupts()) {
      events.accept(
          Event.of(Event.IO_PAGE_FAULT, deviceId, dte.domainId(), flags | Event.I, address));
    }
    return null;
  }

  private @Nullable InterruptMessage illegalEntry(int deviceId, int flags, long address) {
    events.accept(Event.of(Event.ILLEGAL_DEV_TABLE_ENTRY, deviceId, 0, flags, address & -4));
    return null;
  }
}
