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
public final class Flights implements Drain {
  /** Reads, or writes: each is drained for itself. */
  private static final class Lane {
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private volatile long drains;

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

  private final Lane reads = new Lane();
  private final Lane writes = new Lane();

  /** Starts with none. */
  public Flights() {}

  /** Returns the ticket of a decision that begins now. */
  long ticket(boolean write) {
    return lane(write).drains;
  }

  /** Does the access if the decision still stands; returns whether it did. */
  boolean fly(long ticket, boolean write, Runnable access) {
    return lane(write).fly(ticket, access);
  }

  /** Waits for those that began, and has all others decide again. */
  @Override
  public void drain(boolean reading, boolean writing) {
    if (reads.lock.getReadHoldCount() + writes.lock.getReadHoldCount() > 0) {
      throw new IllegalStateException(
          "a DMA would wait for itself: a DmaListener must not touch config space, a unit's"
              + " registers, or a word that a unit is to write");
    }
    if (reading) {
      reads.drain();
    }
    if (writing) {
      writes.drain();
    }
  }

  private Lane lane(boolean write) {
    return write ? writes : reads;
  }
}
