package dev.vmm.iommu.intel.unit;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The end of a wait: spins first, then parks for longer and longer. Used for one wait after
 * another, so that none allocates. Not thread-safe.
 */
final class Deadline {
  private static final int SPINS = 256;
  private static final long FIRST_PARK_NANOS = 1_000;
  private static final long LONGEST_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  private final long timeoutNanos;
  private long startNanos;
  private int spins;
  private long parkNanos;
  private boolean lastLook;

  Deadline(long timeoutNanos) {
    this.timeoutNanos = timeoutNanos;
  }

  /** Begins a wait; the one before is over. */
  Deadline begin() {
    startNanos = System.nanoTime();
    spins = 0;
    parkNanos = FIRST_PARK_NANOS;
    lastLook = false;
    return this;
  }

  /**
   * Waits a little before the caller looks again.
   *
   * @return false if the time is over and the caller has looked once more since
   */
  public boolean pause() {
    if (lastLook) {
      return false;
    }
    if (System.nanoTime() - startNanos >= timeoutNanos) {
      // This thread may have slept through the answer: one more look before it is called late.
      lastLook = true;
    } else if (spins < SPINS) {
      spins++;
      Thread.onSpinWait();
    } else {
      LockSupport.parkNanos(parkNanos);
      parkNanos = Math.min(parkNanos * 2, LONGEST_PARK_NANOS);
    }
    return true;
  }

  /** Returns the milliseconds since the wait began. */
  public long waitedMillis() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
  }
}
