package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.amd.Caches.Device;
import dev.vmm.machine.model.amd.Caches.Leaf;
import dev.vmm.machine.model.amd.HostWalk.End;
import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.InterruptMessage;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.UnitSite;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * From a device id and an address to memory, through the caches. Source: 48882 rev 3, "Device Table
 * Entry Format", "Event Logging". Guarded by the unit.
 */
final class Translator {
  /** How many pages a unit looks up again right after it read a device table entry. */
  private static final int PAGES_LOOKED_UP = 64;

  private final UnitSite site;
  private final AmdViConfig config;
  private final Registers registers;
  private final TableReader reader;
  private final Consumer<Event> events;
  private final HostWalk walk;
  private final InterruptRemapper interrupts;

  final Caches caches;

  Translator(
      UnitSite site,
      AmdViConfig config,
      Registers registers,
      Caches caches,
      Consumer<Event> events) {
    this.site = site;
    this.config = config;
    this.registers = registers;
    this.caches = caches;
    this.events = events;
    this.reader =
        (hpa, snoop) -> {
          site.counters().add(Count.TABLE_READ);
          return config.coherent() && snoop ? site.memory().deviceRead64(hpa) : unsnooped(hpa);
        };
    this.walk = new HostWalk(site, caches, reader);
    this.interrupts = new InterruptRemapper(site, registers, caches.interrupts, reader, events);
  }

  private long unsnooped(long hpa) {
    long read = site.memory().unitRead64(hpa);
    if (site.memory().isStale(hpa)) {
      site.violations()
          .record(
              AmdViRule.STALE_TABLE,
              site.name(),
              "the word at 0x%x was read as 0x%x, from before its memory was allocated; it holds 0x%x",
              hpa,
              read,
              site.memory().deviceRead64(hpa));
    }
    return read;
  }

  long translate(int deviceId, long iova, boolean write) {
    Device device = device(deviceId, iova, write ? Event.RW : 0);
    if (device == null) {
      return RemappingUnit.BLOCKED;
    }
    Dte dte = device.dte;
    SpecialAddress special = SpecialAddress.of(iova);
    if (special == SpecialAddress.INTERRUPT) {
      return interrupt(deviceId, dte, iova, write);
    }
    if (registers.excluded(iova, dte)) {
      return iova;
    }
    if (!dte.valid()) {
      return iova;
    }
    int refused = special.refused(dte, write);
    if (refused >= 0) {
      events.accept(Event.of(Event.INVALID_DEVICE_REQUEST, deviceId, 0, refused, iova));
      return RemappingUnit.BLOCKED;
    }
    if (special.passes(dte)) {
      return iova;
    }
    int direction = write ? Event.RW : 0;
    if (dte.reservedBits()) {
      return illegalEntry(deviceId, direction | Event.RZ, iova);
    }
    if (dte.translationValid() && dte.mode() > config.hostLevels()) {
      return illegalEntry(deviceId, direction, iova);
    }
    if (!dte.translationValid()) {
      return pageFault(deviceId, device, direction, iova);
    }
    if (dte.mode() == 0) {
      return dte.may(write)
          ? iova
          : pageFault(deviceId, device, direction | Event.PR | Event.PE, iova);
    }
    return page(deviceId, device, iova, write);
  }

  private long page(int deviceId, Device device, long iova, boolean write) {
    Dte dte = device.dte;
    int direction = write ? Event.RW : 0;
    Leaf leaf = caches.leaf(dte.domainId(), iova >>> 12);
    if (leaf != null) {
      site.counters().add(Count.IOTLB_HIT);
    } else {
      site.counters().add(Count.IOTLB_MISS);
      HostWalk.Result found = walk.walk(dte, iova);
      leaf = cache(deviceId, dte, iova >>> 12, found);
      if (leaf == null) {
        return failed(deviceId, device, found, direction, iova);
      }
    }
    if (!leaf.present()) {
      return pageFault(deviceId, device, direction, iova);
    }
    if (!leaf.may(write) || !dte.may(write)) {
      return pageFault(deviceId, device, direction | Event.PR | Event.PE, iova);
    }
    return leaf.hpa() | (iova & 0xfff);
  }

  private long failed(
      int deviceId, Device device, HostWalk.Result found, int direction, long iova) {
    return switch (found.end()) {
      case RESERVED_BITS -> pageFault(deviceId, device, direction | Event.PR | Event.RZ, iova);
      case BAD_LEVEL, SKIPPED_BITS -> pageFault(deviceId, device, direction | Event.PR, iova);
      case NO_MEMORY -> {
        events.accept(
            Event.of(
                Event.PAGE_TAB_HARDWARE_ERROR,
                deviceId,
                device.dte.domainId(),
                direction | Event.MASTER_ABORT,
                found.hpa()));
        yield RemappingUnit.BLOCKED;
      }
      case PAGE, NOT_PRESENT -> pageFault(deviceId, device, direction, iova);
    };
  }

  private @Nullable Leaf cache(int deviceId, Dte dte, long page, HostWalk.Result found) {
    if (found.end() == End.PAGE) {
      Leaf leaf = new Leaf(true, found.hpa(), found.read(), found.write(), deviceId);
      caches.put(dte.domainId(), page, leaf);
      return leaf;
    }
    if (found.end() == End.NOT_PRESENT && config.notPresentCached()) {
      Leaf leaf = new Leaf(false, 0, false, false, deviceId);
      caches.put(dte.domainId(), page, leaf);
      return leaf;
    }
    return null;
  }

  /** Decides on a message, which is 32 bits wide; returns null if nothing goes on. */
  @Nullable InterruptMessage interrupt(int deviceId, long address, int data) {
    Device device = device(deviceId, address, Event.I);
    return device == null ? null : interrupts.remap(deviceId, device.dte, address, data);
  }

  /**
   * An access to the range of interrupts that is no message: it is told as one that the entry
   * stops; no interrupt comes of what passes.
   */
  private long interrupt(int deviceId, Dte dte, long iova, boolean write) {
    if (!write) {
      if (!dte.valid()) {
        return iova;
      }
      events.accept(
          Event.of(Event.INVALID_DEVICE_REQUEST, deviceId, 0, Event.READ_OF_INTERRUPT_RANGE, iova));
      return RemappingUnit.BLOCKED;
    }
    if (!dte.interruptValid()) {
      return iova;
    }
    if (dte.reservedInterruptBits()
        || dte.interruptTableLength() > InterruptRemapper.LONGEST_TABLE) {
      return illegalEntry(deviceId, Event.I | Event.RZ, iova);
    }
    return switch (dte.interruptControl()) {
      case 0b00 -> {
        events.accept(
            Event.of(Event.INVALID_DEVICE_REQUEST, deviceId, 0, Event.INTERRUPT_BLOCKED, iova));
        yield RemappingUnit.BLOCKED;
      }
      case 0b01, 0b10 -> iova;
      default -> illegalEntry(deviceId, Event.I, iova);
    };
  }

  private long illegalEntry(int deviceId, int flags, long iova) {
    events.accept(Event.of(Event.ILLEGAL_DEV_TABLE_ENTRY, deviceId, 0, flags, iova & -4));
    return RemappingUnit.BLOCKED;
  }

  private long pageFault(int deviceId, Device device, int flags, long iova) {
    Dte dte = device.dte;
    if (!dte.suppressAll() && !(dte.suppressMore() && device.faultTold)) {
      device.faultTold = true;
      events.accept(Event.of(Event.IO_PAGE_FAULT, deviceId, dte.domainId(), flags, iova));
    }
    return RemappingUnit.BLOCKED;
  }

  private @Nullable Device device(int deviceId, long iova, int flags) {
    Device cached = caches.device(deviceId);
    if (cached != null) {
      site.counters().add(Count.CONTEXT_HIT);
      return cached;
    }
    site.counters().add(Count.CONTEXT_MISS);
    if (!registers.inDeviceTable(deviceId)) {
      events.accept(Event.of(Event.IO_PAGE_FAULT, deviceId, 0, flags, iova));
      return null;
    }
    long hpa = registers.deviceEntryHpa(deviceId);
    if (!site.memory().isRam(hpa, Dte.BYTES)) {
      events.accept(
          Event.of(Event.DEV_TAB_HARDWARE_ERROR, deviceId, 0, flags | Event.MASTER_ABORT, hpa));
      return null;
    }
    return read(deviceId, hpa);
  }

  private Device read(int deviceId, long hpa) {
    boolean snoop = registers.coherent();
    return caches.put(
        deviceId,
        new Dte(
            reader.read(hpa, snoop),
            reader.read(hpa + 8, snoop),
            reader.read(hpa + 16, snoop),
            reader.read(hpa + 24, snoop)));
  }

  /**
   * Software stored to a device table entry: some units fetch it, or this word of it, at this very
   * moment.
   *
   * @param word 0 to 3
   */
  void deviceEntryStored(int deviceId, int word) {
    Device cached = caches.device(deviceId);
    EntryFetch fetch = config.entryFetch();
    if (cached == null || fetch == EntryFetch.ON_DEMAND || !inMemory(deviceId)) {
      return;
    }
    Dte old = cached.dte;
    if (fetch == EntryFetch.EVERY_STORE || !old.valid()) {
      read(deviceId, registers.deviceEntryHpa(deviceId));
    } else if (word == (fetch == EntryFetch.FIRST_WORD ? 0 : 1)) {
      long hpa = registers.deviceEntryHpa(deviceId) + 8L * word;
      caches.put(deviceId, old.with(word, reader.read(hpa, registers.coherent())));
    } else {
      return;
    }
    caches.pagesOf(old.domainId(), PAGES_LOOKED_UP).forEach(page -> lookUp(deviceId, page));
  }

  /** Looks a page up before it is needed, if it is not known. */
  private void lookUp(int deviceId, long page) {
    Device device = caches.device(deviceId);
    if (device != null
        && walkable(device.dte)
        && caches.leaf(device.dte.domainId(), page) == null) {
      cache(deviceId, device.dte, page, walk.walk(device.dte, page << 12));
    }
  }

  /** Forgets a device table entry, and reads it again at once if this unit is eager. */
  void invalidateDevice(int deviceId) {
    if (caches.forgetDevice(deviceId) && config.eagerRefetch()) {
      refetchDevice(deviceId);
    }
  }

  /** Forgets a device's interrupts, and looks for them again at once if this unit is eager. */
  void invalidateInterrupts(int deviceId) {
    List<Integer> lines = caches.interrupts.forget(deviceId);
    Device device = caches.device(deviceId);
    if (config.eagerRefetch() && device != null) {
      interrupts.refetch(deviceId, device.dte, lines);
    }
  }

  /** Forgets pages of a domain, and looks for them again at once if this unit is eager. */
  void invalidatePages(int domainId, long firstPage, long lastPage, boolean directories) {
    Map<Long, Leaf> gone = caches.forgetPages(domainId, firstPage, lastPage, directories);
    if (config.eagerRefetch()) {
      gone.forEach((page, leaf) -> refetchPage(domainId, page, leaf));
    }
  }

  /** Forgets everything, and looks for it again at once if this unit is eager. */
  void invalidateAll() {
    List<Integer> devices = caches.deviceIds();
    Map<Integer, Map<Long, Leaf>> gone = new java.util.TreeMap<>();
    for (int domainId : caches.domainIds()) {
      gone.put(domainId, caches.forgetPages(domainId, 0, Long.MAX_VALUE, true));
    }
    caches.clear();
    if (config.eagerRefetch()) {
      devices.forEach(this::refetchDevice);
      gone.forEach(
          (domainId, pages) -> pages.forEach((page, leaf) -> refetchPage(domainId, page, leaf)));
    }
  }

  /** Looks pages up before they are needed; tells no faults. */
  void prefetch(int deviceId, long firstPage, long pages) {
    Device device = caches.device(deviceId);
    if (device == null && inMemory(deviceId)) {
      device = read(deviceId, registers.deviceEntryHpa(deviceId));
    }
    if (device == null || !walkable(device.dte)) {
      return;
    }
    for (long page = firstPage; page < firstPage + pages && page >>> 52 == 0; page++) {
      lookUp(deviceId, page);
    }
  }

  /** Returns the domain of a device, as far as the caches or the table tell; -1 if it has none. */
  int domainOf(int deviceId) {
    Device device = caches.device(deviceId);
    return device != null && walkable(device.dte) ? device.dte.domainId() : -1;
  }

  private void refetchDevice(int deviceId) {
    if (inMemory(deviceId)) {
      read(deviceId, registers.deviceEntryHpa(deviceId));
    }
  }

  private boolean inMemory(int deviceId) {
    return registers.inDeviceTable(deviceId)
        && site.memory().isRam(registers.deviceEntryHpa(deviceId), Dte.BYTES);
  }

  private void refetchPage(int domainId, long page, Leaf leaf) {
    Device device = caches.device(leaf.deviceId());
    if (device != null && walkable(device.dte) && device.dte.domainId() == domainId) {
      cache(leaf.deviceId(), device.dte, page, walk.walk(device.dte, page << 12));
    }
  }

  private boolean walkable(Dte dte) {
    return dte.walks() && !dte.reservedBits() && dte.mode() <= config.hostLevels();
  }
}
