package dev.vmm.machine.model.amd;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What the unit remembers of the tables: device table entries by device id, and by domain id the
 * page directories that walks went through and the pages they ended at. Nothing leaves by itself.
 * Guarded by the unit.
 */
final class Caches {
  /** A device table entry, and whether its one page fault was told. */
  static final class Device {
    final Dte dte;
    boolean faultTold;

    Device(Dte dte) {
      this.dte = dte;
    }
  }

  /**
   * The table at a level, 5 at most, that serves addresses with this prefix, with the rights on the
   * way.
   */
  record Directory(int level, long prefix, long table, boolean read, boolean write) {
    boolean overlaps(long firstPage, long lastPage) {
      int shift = 9 * level;
      return prefix >= firstPage >>> shift && prefix <= lastPage >>> shift;
    }
  }

  /** 4 KiB of a page, however large that is; or that there is none. */
  record Leaf(boolean present, long hpa, boolean read, boolean write, int deviceId) {
    boolean may(boolean writing) {
      return writing ? write : read;
    }
  }

  private record Prefix(int level, long prefix) {}

  private static final class DomainCache {
    final Map<Prefix, Directory> directories = new HashMap<>();
    final NavigableMap<Long, Leaf> leaves = new TreeMap<>();
  }

  private final Map<Integer, Device> devices = new HashMap<>();
  private final Map<Integer, DomainCache> domains = new HashMap<>();
  private final LongConsumer tableKnown;
  private final LongConsumer tableForgotten;

  /** Tables that a device entry or a directory leads to. */
  final PageCounts tables = new PageCounts();

  /** What is known of interrupt tables. */
  final InterruptCache interrupts;

  /** Memory that a leaf leads to, where that is not at the leaf's own address. */
  final PageCounts targets = new PageCounts();

  /** Tells of each table page that becomes known and is forgotten. */
  Caches(LongConsumer tableKnown, LongConsumer tableForgotten) {
    this.tableKnown = tableKnown;
    this.tableForgotten = tableForgotten;
    this.interrupts = new InterruptCache(tableKnown, tableForgotten);
  }

  @Nullable Device device(int deviceId) {
    return devices.get(deviceId);
  }

  Device put(int deviceId, Dte dte) {
    Device device = new Device(dte);
    forgetDevice(deviceId);
    devices.put(deviceId, device);
    if (dte.walks()) {
      know(dte.root());
    }
    interrupts.deviceKnown(dte);
    return device;
  }

  /** Returns whether there was one. */
  boolean forgetDevice(int deviceId) {
    Device device = devices.remove(deviceId);
    if (device == null) {
      return false;
    }
    if (device.dte.walks()) {
      forget(device.dte.root());
    }
    interrupts.deviceForgotten(device.dte);
    return true;
  }

  /** Returns the ids of the devices whose entries are cached. */
  List<Integer> deviceIds() {
    return new ArrayList<>(devices.keySet());
  }

  @Nullable Leaf leaf(int domainId, long page) {
    DomainCache domain = domains.get(domainId);
    return domain == null ? null : domain.leaves.get(page);
  }

  /** Returns some of the pages that are known of a domain, no more than so many. */
  List<Long> pagesOf(int domainId, int atMost) {
    DomainCache domain = domains.get(domainId);
    return domain == null ? List.of() : domain.leaves.keySet().stream().limit(atMost).toList();
  }

  void put(int domainId, long page, Leaf leaf) {
    if (leaf.present && leaf.hpa != page << 12) {
      targets.add(leaf.hpa);
    }
    Leaf old = domain(domainId).leaves.put(page, leaf);
    if (old != null) {
      untarget(page, old);
    }
  }

  /** Returns the lowest table on an address's way, below {@code mode}. */
  @Nullable Directory lowest(int domainId, int mode, long iova) {
    DomainCache domain = domains.get(domainId);
    if (domain != null) {
      for (int level = 1; level < mode; level++) {
        Directory found =
            domain.directories.get(new Prefix(level, iova >>> HostWalk.shift(level + 1)));
        if (found != null) {
          return found;
        }
      }
    }
    return null;
  }

  void put(int domainId, Directory directory) {
    know(directory.table);
    Prefix key = new Prefix(directory.level, directory.prefix);
    Directory old = domain(domainId).directories.put(key, directory);
    if (old != null) {
      forget(old.table);
    }
  }

  /**
   * Forgets the leaves of these pages, inclusive, and on request the directories on the way to any
   * of them; returns the leaves.
   */
  Map<Long, Leaf> forgetPages(int domainId, long firstPage, long lastPage, boolean directories) {
    DomainCache domain = domains.get(domainId);
    if (domain == null) {
      return Map.of();
    }
    NavigableMap<Long, Leaf> range = domain.leaves.subMap(firstPage, true, lastPage, true);
    Map<Long, Leaf> gone = new TreeMap<>(range);
    range.clear();
    gone.forEach(this::untarget);
    if (directories) {
      domain
          .directories
          .values()
          .removeIf(
              directory -> {
                boolean hit = directory.overlaps(firstPage, lastPage);
                if (hit) {
                  forget(directory.table);
                }
                return hit;
              });
    }
    return gone;
  }

  /** Returns the domain ids under which anything is cached. */
  List<Integer> domainIds() {
    return new ArrayList<>(domains.keySet());
  }

  /** Forgets everything. */
  void clear() {
    deviceIds().forEach(this::forgetDevice);
    domainIds().forEach(id -> forgetPages(id, 0, Long.MAX_VALUE, true));
    domains.clear();
    interrupts.clear();
  }

  int devicesCached() {
    return devices.size();
  }

  int directoriesCached() {
    return domains.values().stream().mapToInt(domain -> domain.directories.size()).sum();
  }

  int leavesCached() {
    return domains.values().stream().mapToInt(domain -> domain.leaves.size()).sum();
  }

  private DomainCache domain(int domainId) {
    return domains.computeIfAbsent(domainId, id -> new DomainCache());
  }

  private void untarget(long page, Leaf leaf) {
    if (leaf.present && leaf.hpa != page << 12) {
      targets.remove(leaf.hpa);
    }
  }

  private void know(long table) {
    if (tables.add(table)) {
      tableKnown.accept(table);
    }
  }

  private void forget(long table) {
    if (tables.remove(table)) {
      tableForgotten.accept(table);
    }
  }
}
