package dev.vmm.machine.model.dma;

import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The DMAs in flight between the decision where they go and their target. Whoever changes the
 * grounds of such decisions waits here until no DMA goes on by the old ones.
 *
 * <p>A DMA takes a ticket, then decides with no lock held, then begins; if somebody drained in
 * between, it may not begin and decides again. So a drain waits only for DMAs that need no unit's
 * lock any more, and a unit may drain with its own lock held.
 */
final class Flights {
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private volatile long drains;

  /** Returns the ticket of a decision that begins now. */
  long ticket() {
    return drains;
  }

  /** Does the access if the decision still stands; returns whether it did. */
  boolean fly(long ticket, Runnable access) {
    lock.readLock().lock();
    try {
      if (ticket != drains) {
        return false;
      }
      access.run();
      return true;
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Waits for those that began, and has all others decide again. */
  @SuppressWarnings("NonAtomicVolatileUpdate") // written under the write lock only
  void drain() {
    lock.writeLock().lock();
    try {
      drains++;
    } finally {
      lock.writeLock().unlock();
    }
  }
}
