package dev.vmm.acpi.decode;

import dev.vmm.AddressRange;
import dev.vmm.machine.MemoryMap;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Says what a memory map has at an address, however many entries it has and however often it is
 * asked. Immutable and thread-safe.
 */
final class MemoryMapIndex {
  /** The ranges of each type by their start, unsigned; none touches the next. */
  private final Map<MemoryMap.Type, NavigableMap<Long, AddressRange>> types =
      new EnumMap<>(MemoryMap.Type.class);

  private final int most;

  /**
   * Indexes a map.
   *
   * @param most how many parts an answer has at most; what comes after them is left out
   */
  MemoryMapIndex(MemoryMap map, int most) {
    this.most = most;
    for (MemoryMap.Type type : MemoryMap.Type.values()) {
      NavigableMap<Long, AddressRange> ranges = new TreeMap<>(Long::compareUnsigned);
      map.ranges(type).forEach(range -> ranges.put(range.start(), range));
      types.put(type, ranges);
    }
  }

  /** Returns the parts of a range that are not of a type, ascending. */
  List<AddressRange> without(MemoryMap.Type type, AddressRange range) {
    NavigableMap<Long, AddressRange> ranges = ranges(type);
    List<AddressRange> parts = new ArrayList<>();
    long next = range.start();
    while (parts.size() < most) {
      Map.Entry<Long, AddressRange> here = ranges.floorEntry(next);
      if (here != null && here.getValue().contains(next)) {
        if (here.getValue().contains(range.last())) {
          break;
        }
        next = here.getValue().end();
      }
      Long after = ranges.higherKey(next);
      if (after == null || !range.contains(after)) {
        parts.add(AddressRange.between(next, range.end()));
        break;
      }
      parts.add(AddressRange.between(next, after));
      next = after;
    }
    return parts;
  }

  /** Returns the parts of these ranges that are of a type, ascending if they are. */
  List<AddressRange> of(MemoryMap.Type type, List<AddressRange> ranges) {
    List<AddressRange> parts = new ArrayList<>();
    for (AddressRange range : ranges) {
      Long from = ranges(type).floorKey(range.start());
      for (AddressRange each :
          ranges(type)
              .subMap(from == null ? range.start() : from, true, range.last(), true)
              .values()) {
        if (parts.size() == most) {
          return parts;
        }
        if (each.overlaps(range)) {
          long first = range.contains(each.start()) ? each.start() : range.start();
          long last = range.contains(each.last()) ? each.last() : range.last();
          parts.add(new AddressRange(first, last - first + 1));
        }
      }
    }
    return parts;
  }

  /** Returns in words of which types any of these ranges are. */
  String types(List<AddressRange> ranges) {
    List<String> labels = new ArrayList<>();
    for (MemoryMap.Type type : MemoryMap.Type.values()) {
      if (!of(type, ranges).isEmpty()) {
        labels.add(type.label());
      }
    }
    return labels.isEmpty() ? "no memory" : String.join(" and ", labels);
  }

  private NavigableMap<Long, AddressRange> ranges(MemoryMap.Type type) {
    return types.getOrDefault(type, new TreeMap<>());
  }
}
