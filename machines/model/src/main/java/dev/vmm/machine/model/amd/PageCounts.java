package dev.vmm.machine.model.amd;

import dev.vmm.AddressRange;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** How many cache entries lead to each page of memory. Guarded by the unit. */
final class PageCounts {
  private final NavigableMap<Long, Integer> counts = new TreeMap<>(Long::compareUnsigned);

  /** Adds one; returns whether it is the page's first. */
  boolean add(long pageHpa) {
    return counts.merge(pageHpa, 1, Integer::sum) == 1;
  }

  /** Takes one away; returns whether it was the page's last. */
  boolean remove(long pageHpa) {
    return counts.computeIfPresent(pageHpa, (page, count) -> count == 1 ? null : count - 1) == null;
  }

  boolean contains(long pageHpa) {
    return counts.containsKey(pageHpa);
  }

  /** Returns the first page in the run to which an entry leads, null if there is none. */
  @Nullable Long firstIn(AddressRange run) {
    Map.Entry<Long, Integer> found = counts.ceilingEntry(run.start() & -4096L);
    return found != null && Long.compareUnsigned(found.getKey(), run.last()) <= 0
        ? found.getKey()
        : null;
  }
}
