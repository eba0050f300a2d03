package dev.vmm.core;

import dev.vmm.VmmException;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A daemon thread that takes the faults again and again. Never interrupted: a machine may be behind
 * a channel that an interrupt would close. Thread-safe.
 */
final class FaultWatch implements IommuService.Listening {
  private static final Logger LOG = LoggerFactory.getLogger(FaultWatch.class);

  private final long periodNanos;
  private final Runnable drain;
  private final Consumer<FaultWatch> onEnd;
  private final Thread thread = new Thread(this::run, "vmm-fault-watch");
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ended = lock.newCondition();
  private boolean closed;

  /** A thread that is not started yet; {@code onEnd} is called once, by who closes it. */
  FaultWatch(Duration period, Runnable drain, Consumer<FaultWatch> onEnd) {
    if (period.compareTo(Duration.ofMillis(1)) < 0) {
      throw VmmException.invalid(
          "cannot watch faults every %s: expected a period of 1 ms at least", period);
    }
    // Longer than a machine runs is for ever.
    periodNanos =
        period.compareTo(Duration.ofDays(365)) > 0
            ? Duration.ofDays(365).toNanos()
            : period.toNanos();
    this.drain = drain;
    this.onEnd = onEnd;
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  private void run() {
    boolean failed = false;
    do {
      try {
        drain.run();
        failed = false;
      } catch (RuntimeException e) {
        // Told once: a unit that is gone fails each time.
        if (!failed) {
          LOG.warn("faults could not be taken from the I/O MMU; tried again", e);
        }
        failed = true;
      }
    } while (pause());
  }

  /** Returns whether to go on. */
  private boolean pause() {
    lock.lock();
    try {
      long left = periodNanos;
      while (!closed && left > 0) {
        left = ended.awaitNanos(left);
      }
      return !closed;
    } catch (InterruptedException e) {
      LOG.warn("the thread that takes faults was interrupted: it ends");
      return false;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      ended.signalAll();
    } finally {
      lock.unlock();
    }
    onEnd.accept(this);
  }

  /** Returns when its thread has ended, or was never started. */
  void join() throws InterruptedException {
    thread.join();
  }

  /** Says whether its thread runs. */
  boolean alive() {
    return thread.isAlive();
  }
}
