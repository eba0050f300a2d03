package dev.vmm.ppt;

import java.util.concurrent.locks.LockSupport;

/**
 * Time, as the driver needs it for the waits that the book asks for: after a reset, before a device
 * that has none changes hands. A machine that is simulated may have a time of its own. Thread-safe.
 */
public interface Waiter {
  /** The time of the machine that this runs on. */
  Waiter REAL =
      new Waiter() {
        @Override
        public long nanoTime() {
          return System.nanoTime();
        }

        @Override
        public void pause(long nanos) {
          long end = System.nanoTime() + nanos;
          boolean interrupted = false;
          for (long left = nanos; left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
            // A reset cannot be cut short: the interrupt is kept for whoever called.
            interrupted |= Thread.interrupted();
          }
          if (interrupted) {
            Thread.currentThread().interrupt();
          }
        }
      };

  /** Returns a time in nanoseconds that only differences of mean something. */
  long nanoTime();

  /** Returns after at least {@code nanos} nanoseconds. */
  void pause(long nanos);
}
