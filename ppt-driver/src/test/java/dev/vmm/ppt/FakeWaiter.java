package dev.vmm.ppt;

import java.util.concurrent.atomic.AtomicLong;

/** Time that only passes when somebody waits. */
final class FakeWaiter implements Waiter {
  private final AtomicLong now = new AtomicLong();

  /** What others do meanwhile. */
  volatile Runnable onPause = () -> {};

  @Override
  public long nanoTime() {
    return now.get();
  }

  @Override
  public void pause(long nanos) {
    now.addAndGet(nanos);
    onPause.run();
  }
}
