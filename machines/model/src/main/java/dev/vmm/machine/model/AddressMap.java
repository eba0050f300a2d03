package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Where what lies in the physical address space. Immutable. */
final class AddressMap {
  static final AddressRange ADDRESS_SPACE = new AddressRange(0, 1L << 52);
  static final long FOUR_GIB = 1L << 32;
  static final long DEFAULT_LOW_RAM = 2L << 30;
  static final long MIN_RAM = 64L << 20;

  /** Free memory begins here: whoever starts at 0 by mistake meets none. */
  static final long FREE_FROM = 16L << 20;

  /** The firmware's own memory below 1 MiB. */
  static final AddressRange BIOS = AddressRange.between(0xa_0000L, 0x10_0000L);

  /** AMD's HyperTransport hole: no RAM is there, and no DMA is translated. */
  private static final AddressRange HYPER_TRANSPORT =
      AddressRange.between(0xfd_0000_0000L, 1L << 40);

  private static final long TABLES_BYTES = 1L << 20;
  private static final long ECAM_BYTES = 256L << 20;
  private static final long ECAM = 0xb000_0000L;
  private static final long ECAM_ABOVE_3G = 0xe000_0000L;
  private static final AddressRange WINDOW_32 = AddressRange.between(0xc000_0000L, 0xe000_0000L);
  private static final AddressRange WINDOW_32_ABOVE_3G =
      AddressRange.between(0xf000_0000L, 0xfec0_0000L);

  /** As much as the page allocator can manage from its first page on. */
  private static final long MAX_FREE_SPAN = 1L << 43;

  /** More than the config space of all segments takes, which lies below. */
  private static final long WINDOW_64_ALIGNMENT = 1L << 36;

  private final List<AddressRange> ram;
  private final List<AddressRange> free;
  private final AddressRange tables;
  private final boolean lowRamReaches3g;

  /**
   * Lays the machine out.
   *
   * @param ram all RAM, sorted and disjoint
   * @param reserved the firmware's own memory, inside the RAM
   * @param free what may be allocated; empty for all that firmware does not need
   */
  AddressMap(List<AddressRange> ram, List<AddressRange> reserved, List<AddressRange> free) {
    this.ram = List.copyOf(ram);
    check();
    AddressRange low = ram.get(0);
    long lowEnd = Long.compareUnsigned(low.end(), FOUR_GIB) < 0 ? low.end() : FOUR_GIB;
    this.tables = AddressRange.between(lowEnd - TABLES_BYTES, lowEnd);
    this.lowRamReaches3g =
        ram.stream().anyMatch(range -> range.overlaps(new AddressRange(ECAM, ECAM_BYTES)));
    List<AddressRange> taken = new ArrayList<>(reserved);
    taken.add(tables);
    taken.add(new AddressRange(0, FREE_FROM));
    this.free = free.isEmpty() ? span(without(ram, taken)) : List.copyOf(free);
    for (AddressRange range : this.free) {
      if (ram.stream().noneMatch(r -> r.contains(range)) || range.overlaps(tables)) {
        throw VmmException.invalid(
            "free memory %s: expected a part of the RAM %s outside the firmware's tables at %s",
            range, ram, tables);
      }
    }
  }

  /** Returns where this much RAM lies: up to {@code low} bytes at 0, the rest from 4 GiB on. */
  static List<AddressRange> layOut(long bytes, long low, boolean amd) {
    List<AddressRange> ram = new ArrayList<>();
    long first = Math.min(bytes, low);
    ram.add(new AddressRange(0, first));
    long rest = bytes - first;
    if (rest == 0) {
      return ram;
    }
    long belowHole = amd ? HYPER_TRANSPORT.start() - FOUR_GIB : rest;
    long second = Math.min(rest, belowHole);
    ram.add(new AddressRange(FOUR_GIB, second));
    if (rest > second) {
      ram.add(new AddressRange(HYPER_TRANSPORT.end(), rest - second));
    }
    return ram;
  }

  /** Returns what is left of these ranges without those. */
  static List<AddressRange> without(List<AddressRange> ranges, List<AddressRange> taken) {
    List<AddressRange> left = new ArrayList<>(ranges);
    for (AddressRange hole : taken) {
      List<AddressRange> next = new ArrayList<>();
      for (AddressRange range : left) {
        if (!range.overlaps(hole)) {
          next.add(range);
          continue;
        }
        if (Long.compareUnsigned(range.start(), hole.start()) < 0) {
          next.add(AddressRange.between(range.start(), hole.start()));
        }
        if (Long.compareUnsigned(hole.last(), range.last()) < 0) {
          next.add(AddressRange.between(hole.end(), range.end()));
        }
      }
      left = next;
    }
    return left;
  }

  List<AddressRange> ram() {
    return ram;
  }

  List<AddressRange> free() {
    return free;
  }

  /** Returns the firmware's memory for its tables. */
  AddressRange tables() {
    return tables;
  }

  /** Returns where the config space of a segment's 256 buses is mapped. */
  long ecam(int segment) {
    if (segment == 0) {
      return lowRamReaches3g ? ECAM_ABOVE_3G : ECAM;
    }
    return high().start() + (segment - 1L) * ECAM_BYTES;
  }

  /** Returns where firmware puts BARs: those of 32 bits, and those of 64 bits. */
  List<AddressRange> windows() {
    long high = (high().start() + WINDOW_64_ALIGNMENT - 1) & -WINDOW_64_ALIGNMENT;
    return List.of(
        lowRamReaches3g ? WINDOW_32_ABOVE_3G : WINDOW_32,
        new AddressRange(high + WINDOW_64_ALIGNMENT, WINDOW_64_ALIGNMENT));
  }

  /** The addresses above RAM, or the highest hole in it that is large enough. */
  private AddressRange high() {
    long need = 1L << 40;
    return without(List.of(AddressRange.between(FOUR_GIB, ADDRESS_SPACE.end())), ram).stream()
        .filter(hole -> hole.lengthBytes() >= need && !hole.overlaps(HYPER_TRANSPORT))
        .reduce((low, high) -> high)
        .or(() -> Optional.of(AddressRange.between(1L << 40, 1L << 41)))
        .map(
            hole -> AddressRange.between((hole.start() + (1L << 30) - 1) & -(1L << 30), hole.end()))
        .orElseThrow();
  }

  private void check() {
    long next = 0;
    for (AddressRange range : ram) {
      if (((range.start() | range.lengthBytes()) & (PhysicalMemory.PAGE_BYTES - 1)) != 0
          || Long.compareUnsigned(range.start(), next) < 0
          || !ADDRESS_SPACE.contains(range)) {
        throw VmmException.invalid(
            "RAM %s: expected multiples of 0x%x, ascending and disjoint, below 0x%x",
            range, PhysicalMemory.PAGE_BYTES, ADDRESS_SPACE.end());
      }
      next = range.end();
    }
    if (ram.isEmpty() || !ram.get(0).contains(new AddressRange(0, 2 * FREE_FROM))) {
      throw VmmException.invalid(
          "RAM %s: expected 0x%x bytes or more at 0, where firmware lives", ram, 2 * FREE_FROM);
    }
    AddressRange devices = AddressRange.between(ECAM_ABOVE_3G, FOUR_GIB);
    for (AddressRange range : ram) {
      if (range.overlaps(devices)) {
        throw VmmException.invalid("RAM %s: expected none in the devices' %s", range, devices);
      }
    }
  }

  private static List<AddressRange> span(List<AddressRange> ranges) {
    long base = ranges.get(0).start();
    AddressRange reach = new AddressRange(base, MAX_FREE_SPAN);
    List<AddressRange> result = new ArrayList<>();
    for (AddressRange range : ranges) {
      if (reach.contains(range)) {
        result.add(range);
      } else if (reach.overlaps(range)) {
        result.add(AddressRange.between(range.start(), reach.end()));
      }
    }
    return result;
  }
}
