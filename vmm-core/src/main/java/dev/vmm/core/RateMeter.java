package dev.vmm.core;

/**
 * Lets events through at a rate, with bursts of as many as the rate allows in its whole period: a
 * token bucket, kept as the one time at which it would be full again.
 *
 * <p>Not thread-safe.
 */
final class RateMeter {
  private final long periodNanos;
  private final long intervalNanos;
  private long full;
  private boolean used;

  /**
   * A full bucket.
   *
   * @param events how many in {@code periodNanos}; 0 for no limit
   */
  RateMeter(long events, long periodNanos) {
    this.periodNanos = periodNanos;
    intervalNanos = events == 0 ? 0 : Math.max(1, periodNanos / events);
  }

  /** Takes a token if there is one; {@code now} in nanoseconds, of any origin. */
  boolean allows(long now) {
    if (intervalNanos == 0) {
      return true;
    }
    long ahead = used ? Math.max(0, full - now) : 0;
    if (ahead + intervalNanos > periodNanos) {
      return false;
    }
    full = now + ahead + intervalNanos;
    used = true;
    return true;
  }

  /** Fills the bucket. */
  void refill() {
    used = false;
  }
}
