package dev.vmm.iommu.support;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The end of a wait for hardware: spins first, as most answers come at once, then parks for longer
 * and longer, half a millisecond at most; and has the caller look once more after the time, so that
 * a thread that was not run for a while takes no working unit for a dead one. An interrupt does not
 * end a wait. Used for one wait after another, so that none allocates.
 *
 * <pre>{@code
 * Deadline deadline = registers.deadline();
 * while (!done()) {
 *   if (!deadline.pause()) {
 *     throw ...; // ETIMEDOUT, after deadline.waitedMillis()
 *   }
 * }
 * }</pre>
 *
 * <p>For a register there is {@link UnitRegisters#await}. Not thread-safe.
 */
public final class Deadline {
  private static final int SPINS = 256;
  private static final long FIRST_PARK_NANOS = 1_000;
  private static final long LONGEST_PARK_NANOS = TimeUnit.MICROSECONDS.toNanos(500);

  private final long timeoutNanos;
  private long startNanos;
  private int spins;
  private long parkNanos;
  private boolean lastLook;

  /**
   * Waits of this length; {@link #begin} first.
   *
   * @param timeoutNanos at least 0
   */
  public Deadline(long timeoutNanos) {
    this.timeoutNanos = timeoutNanos;
  }

  /** Begins a wait; the one before is over. */
  public Deadline begin() {
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
