package dev.vmm.machine.model.device;

/** What gives devices the time that their work takes. Thread-safe. */
@FunctionalInterface
public interface DeviceClock {
  /** Has something done once, in another thread, after at least {@code delayNanos}; or never. */
  void after(long delayNanos, Runnable action);
}
