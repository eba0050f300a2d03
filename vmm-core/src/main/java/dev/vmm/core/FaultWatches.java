package dev.vmm.core;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The threads that take faults by themselves, until the platform closes. Thread-safe. */
final class FaultWatches {
  private final Runnable drain;
  private final Set<FaultWatch> running = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  FaultWatches(Runnable drain) {
    this.drain = drain;
  }

  /** Begins one, unless the platform is closed. */
  IommuService.Listening open(Duration period) {
    FaultWatch watch = new FaultWatch(period, drain, running::remove);
    running.add(watch);
    if (closed) {
      watch.close();
    } else {
      watch.start();
    }
    return watch;
  }

  /** Ends all of them, for good. */
  void close() {
    closed = true;
    running.forEach(FaultWatch::close);
  }
}
