package dev.vmm.machine;

import dev.vmm.AddressRange;
import java.util.ArrayList;
import java.util.List;

/**
 * What firmware tells an operating system of physical memory: what it may use, and what it must
 * leave alone. What is in no entry is no memory.
 *
 * <p>Immutable and thread-safe. Source: ACPI 6.5, "System Address Map Interfaces".
 *
 * @param origin where it comes from, for messages
 * @param entries in any order; firmware's may overlap
 */
public record MemoryMap(String origin, List<Entry> entries) {
  /** What a range of addresses is. */
  public enum Type {
    /** AddressRangeMemory: the system's to use. */
    RAM("usable RAM"),
    /** AddressRangeReserved: in use, or not to be used. */
    RESERVED("reserved"),
    /** AddressRangeACPI: tables; the system's once it has read them. */
    ACPI_DATA("ACPI tables"),
    /** AddressRangeNVS: kept over sleep, not to be used. */
    ACPI_NVS("ACPI NVS"),
    /** AddressRangeUnusable: with errors. */
    UNUSABLE("unusable memory"),
    /** AddressRangePersistentMemory: keeps its contents. */
    PERSISTENT("persistent memory"),
    /** A type that is none of these. */
    OTHER("memory of another type");

    private final String label;

    Type(String label) {
      this.label = label;
    }

    /** Returns what messages call it. */
    public String label() {
      return label;
    }
  }

  /** A range of one type. */
  public record Entry(AddressRange range, Type type) {}

  /** Copies the list. */
  public MemoryMap {
    entries = List.copyOf(entries);
  }

  /** Returns the ranges of a type: ascending, and those that touch as one. */
  public List<AddressRange> ranges(Type type) {
    List<AddressRange> merged = new ArrayList<>();
    entries.stream()
        .filter(entry -> entry.type() == type)
        .map(Entry::range)
        .sorted()
        .forEach(range -> append(range, merged));
    return merged;
  }

  private static void append(AddressRange range, List<AddressRange> merged) {
    int top = merged.size() - 1;
    AddressRange before = top < 0 ? null : merged.get(top);
    if (before == null
        || (before.end() != 0 && Long.compareUnsigned(range.start(), before.end()) > 0)) {
      merged.add(range);
    } else if (Long.compareUnsigned(range.last(), before.last()) > 0) {
      merged.set(top, AddressRange.between(before.start(), range.end()));
    }
  }
}
