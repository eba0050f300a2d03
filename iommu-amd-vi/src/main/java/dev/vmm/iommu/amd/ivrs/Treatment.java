package dev.vmm.iommu.amd.ivrs;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * What one description of a unit says of each DeviceID, as far as every type of IVHD can say it
 * (ACPI devices are only in type 40h): the DTE settings of all its entries, and the alias of the
 * last. Made and compared in time that grows with the entries, whatever they say. Immutable and
 * thread-safe.
 */
final class Treatment {
  private static final int SETTINGS_BITS = 8;
  private static final int NO_ALIAS = -1;

  /** From {@code first} on, up to the next one. */
  private record Run(int first, boolean named, int settings, int alias) {
    boolean says(Run other) {
      return settings == other.settings && alias == other.alias && other.named;
    }
  }

  private record Edge(int at, boolean start, int number) {}

  private final List<Run> runs;

  private Treatment(List<Run> runs) {
    this.runs = runs;
  }

  static Treatment of(Ivhd ivhd) {
    List<IdRange> ranges =
        IdRange.of(ivhd, new ArrayList<>()).stream()
            .filter(range -> range.entry().type() != DeviceEntry.Type.ACPI_HID)
            .toList();
    List<Edge> edges = new ArrayList<>();
    for (int i = 0; i < ranges.size(); i++) {
      edges.add(new Edge(ranges.get(i).first(), true, i));
      edges.add(new Edge(ranges.get(i).last() + 1, false, i));
    }
    edges.sort(Comparator.comparingInt(Edge::at));
    List<Run> runs = new ArrayList<>();
    runs.add(new Run(0, false, 0, NO_ALIAS));
    int[] bits = new int[SETTINGS_BITS];
    int named = 0;
    TreeMap<Integer, Integer> aliases = new TreeMap<>();
    for (int i = 0; i < edges.size(); i++) {
      Edge edge = edges.get(i);
      IdRange range = ranges.get(edge.number());
      int step = edge.start() ? 1 : -1;
      named += step;
      for (int bit = 0; bit < SETTINGS_BITS; bit++) {
        bits[bit] += (range.entry().settings().raw() >>> bit & 1) * step;
      }
      if (range.alias().isPresent()) {
        if (edge.start()) {
          aliases.put(edge.number(), range.alias().getAsInt());
        } else {
          aliases.remove(edge.number());
        }
      }
      if (i + 1 == edges.size() || edges.get(i + 1).at() != edge.at()) {
        Map.Entry<Integer, Integer> last = aliases.lastEntry();
        runs.add(
            new Run(edge.at(), named > 0, or(bits), last == null ? NO_ALIAS : last.getValue()));
      }
    }
    return new Treatment(runs);
  }

  private static int or(int[] bits) {
    int settings = 0;
    for (int bit = 0; bit < SETTINGS_BITS; bit++) {
      settings |= bits[bit] > 0 ? 1 << bit : 0;
    }
    return settings;
  }

  /** Returns the first DeviceID that this one names and the other does not treat the same. */
  OptionalInt differsFrom(Treatment other) {
    int at = 0;
    int own = 0;
    int others = 0;
    while (at <= IvrsLayout.LAST_ID) {
      while (own + 1 < runs.size() && runs.get(own + 1).first() <= at) {
        own++;
      }
      while (others + 1 < other.runs.size() && other.runs.get(others + 1).first() <= at) {
        others++;
      }
      if (runs.get(own).named() && !runs.get(own).says(other.runs.get(others))) {
        return OptionalInt.of(at);
      }
      int next = IvrsLayout.LAST_ID + 1;
      if (own + 1 < runs.size()) {
        next = Math.min(next, runs.get(own + 1).first());
      }
      if (others + 1 < other.runs.size()) {
        next = Math.min(next, other.runs.get(others + 1).first());
      }
      at = next;
    }
    return OptionalInt.empty();
  }
}
