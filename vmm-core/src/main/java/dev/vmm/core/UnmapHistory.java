package dev.vmm.core;

import java.time.Duration;
import java.util.Optional;

/**
 * The last ranges that were unmapped in one domain, and when. A bounded ring: the oldest is
 * forgotten for the newest. Thread-safe.
 */
final class UnmapHistory {
  /** How many are remembered: enough for a VM that takes a balloon back page by page. */
  static final int ENTRIES = 64;

  private final long[] first = new long[ENTRIES];
  private final long[] last = new long[ENTRIES];
  private final long[] when = new long[ENTRIES];
  private int count;

  /** Notes that a range was unmapped, at a time in nanoseconds. */
  synchronized void unmapped(long iova, long lengthBytes, long now) {
    int at = count++ % ENTRIES;
    if (count == 2 * ENTRIES) {
      count = ENTRIES;
    }
    first[at] = iova;
    last[at] = iova + lengthBytes - 1;
    when[at] = now;
  }

  /** Returns how long ago {@code iova} was unmapped the last time. */
  synchronized Optional<Duration> ago(long iova, long now) {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < Math.min(count, ENTRIES); i++) {
      if (Long.compareUnsigned(first[i], iova) <= 0 && Long.compareUnsigned(iova, last[i]) <= 0) {
        least = Math.min(least, Math.max(0, now - when[i]));
      }
    }
    return least == Long.MAX_VALUE ? Optional.empty() : Optional.of(Duration.ofNanos(least));
  }
}
