package dev.vmm.iommu.amd.ivrs;

import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A value for every DeviceID of a segment, kept as runs: putting n ranges takes time in proportion
 * to n log n, whatever they are. Not thread-safe while it is filled.
 */
final class IdRuns<V> {
  private final NavigableMap<Integer, Run<V>> runs = new TreeMap<>();

  private record Run<V>(int last, V value) {}

  /**
   * Gives the DeviceIDs {@code first} to {@code last}, inclusive, this value instead of what they
   * had, and returns one of the other values that this replaced.
   */
  Optional<V> put(int first, int last, V value) {
    @Nullable V replaced = null;
    Map.Entry<Integer, Run<V>> run = runs.floorEntry(last);
    while (run != null && run.getValue().last() >= first) {
      int start = run.getKey();
      Run<V> old = run.getValue();
      runs.remove(start);
      if (start < first) {
        runs.put(start, new Run<>(first - 1, old.value()));
      }
      if (old.last() > last) {
        runs.put(last + 1, new Run<>(old.last(), old.value()));
      }
      if (old.value() != value) {
        replaced = old.value();
      }
      run = start <= first ? null : runs.floorEntry(start - 1);
    }
    runs.put(first, new Run<>(last, value));
    return Optional.ofNullable(replaced);
  }

  Optional<V> get(int id) {
    Map.Entry<Integer, Run<V>> run = runs.floorEntry(id);
    return run == null || run.getValue().last() < id
        ? Optional.empty()
        : Optional.of(run.getValue().value());
  }
}
