package dev.vmm.tck;

import dev.vmm.ppt.Waiter;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The embedded machine's time: its devices are ready when software looks often enough, so that a
 * pause passes at once. Thread-safe.
 */
public final class QuickTime implements Waiter {
  private final AtomicLong now = new AtomicLong();

  /** Begins at 0. */
  public QuickTime() {}

  @Override
  public long nanoTime() {
    return now.get();
  }

  @Override
  public void pause(long nanos) {
    now.addAndGet(Math.max(0, nanos));
  }
}
