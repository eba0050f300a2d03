package dev.vmm.ppt;

import java.util.concurrent.atomic.AtomicLong;

/** Time that only passes when somebody waits. */
final class FakeWaiter implements Waiter {
  private final AtomicLong now = new AtomicLong();

  @Override
  public long nanoTime() {
    return now.get();
  }

  @Override
  public void pause(long nanos) {
    now.addAndGet(nanos);
  }
}
