package dev.vmm.machine.model.dma;

/**
 * Waits for DMAs in flight: those that were decided before the call and have not reached their
 * target yet. A unit calls it, with its lock held if it likes, before it shows that an invalidation
 * is complete. Thread-safe.
 */
@FunctionalInterface
public interface Drain {
  /** For a unit whose DMAs are never in flight. */
  Drain NOTHING = (reads, writes) -> {};

  /** Waits until no DMA read, or write, goes on by an old decision. */
  void drain(boolean reads, boolean writes);
}
