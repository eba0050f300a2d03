package dev.vmm.iommu.support;

import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The life of a unit: taken over, on, off again, given up; and its lock. What a start, a stop, a
 * flush and a move are is the subclass's to say, by its book.
 *
 * <p>Thread-safe: one lock for each unit, taken after the lock of a page table and never before it.
 * It is held while a method that the subclass gives is called, but for {@link #caches} and {@link
 * #log}. A move holds it from its first store to its last confirmation. While translation is off
 * nothing is flushed: turning it on flushes everything.
 */
public abstract class AbstractUnit implements RemappingUnit {
  private final ReentrantLock lock = new ReentrantLock();
  private final UnitRegisters registers;
  private final DomainIds domainIds;
  private final String entries;

  /** From before translation is turned on until it is known to be off. */
  private boolean translating;

  /** Whether {@link #start} went well; a unit can be neither on nor off, if it did not obey. */
  private boolean on;

  private boolean touched;
  private boolean freed;

  /**
   * A unit that was taken over and does not translate yet.
   *
   * @param entries what the book calls the entries of requester ids, for messages: {@code context
   *     entries}
   */
  protected AbstractUnit(UnitRegisters registers, DomainIds domainIds, String entries) {
    this.registers = registers;
    this.domainIds = domainIds;
    this.entries = entries;
  }

  /**
   * Turns translation on, with everything forgotten before. Calls {@link #beginTranslating} just
   * before the write that does it. Whatever it throws, {@link #turnOff} is called then.
   */
  protected abstract void start();

  /**
   * Turns translation off, calls {@link #endTranslating} as soon as the unit has confirmed it, and
   * then returns every register to what it was. May be called again after it failed.
   */
  protected abstract void turnOff();

  /** Frees what the unit read, which is off now. */
  protected abstract void freeTables();

  /** Returns the rules of what to forget, always the same. */
  protected abstract UnitFlushes caches();

  /** Appends the recorded faults as {@link RemappingUnit#drainFaults} says. */
  protected abstract boolean drain(List<DmaFault> target);

  /**
   * Begins a move as {@link RemappingUnit#move} says; its methods are called with the lock held.
   */
  protected abstract UnitMove begin(
      int[] sourceIds, int domainId, int levels, long tableRoot, boolean forwardsInterrupts);

  /** Logs a line about the unit, for information. */
  protected abstract void log(String line);

  /** Says that the unit may translate from now on. */
  protected final void beginTranslating() {
    translating = true;
  }

  /** Says that the unit is known to be off. */
  protected final void endTranslating() {
    translating = false;
  }

  /** Says whether the unit may translate; with the lock held. */
  public final boolean translating() {
    return translating;
  }

  /** Says whether it was turned on and not off again; with the lock held. */
  protected final boolean on() {
    return on;
  }

  /**
   * Returns what the machine threw as EIO, unless it is the platform's own.
   *
   * @param what the step, for the message: {@code to turn translation on}
   */
  public final VmmException failure(RuntimeException e, String what) {
    return registers.failure(e, what);
  }

  @Override
  public final String name() {
    return registers.unit();
  }

  @Override
  public final String where() {
    return registers.where();
  }

  @Override
  public final void enable() {
    lock.lock();
    try {
      if (on) {
        return;
      }
      if (touched) {
        // An earlier stop failed half-way: what it left must be off before it is set up again.
        stop();
      }
      touched = true;
      try {
        start();
      } catch (RuntimeException e) {
        VmmException failure = failure(e, "to turn translation on");
        try {
          stop();
        } catch (VmmException second) {
          failure.addSuppressed(second);
        }
        throw failure;
      }
      on = true;
      log("translation is on");
    } finally {
      lock.unlock();
    }
  }

  @Override
  public final void disable() {
    lock.lock();
    try {
      if (touched) {
        stop();
        log("translation is off");
      }
    } finally {
      lock.unlock();
    }
  }

  private void stop() {
    on = false;
    try {
      turnOff();
      touched = false;
    } catch (RuntimeException e) {
      throw failure(e, "to turn translation off");
    }
  }

  @Override
  public final void close() {
    lock.lock();
    try {
      if (!freed) {
        disable();
        freed = true;
        freeAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Says whether its registers may name what is its driver's: from before a start until a stop has
   * given all of them back; with the lock held. Nothing that they may name is freed meanwhile.
   */
  protected final boolean touched() {
    return touched;
  }

  /** Says whether it was given up, tables and all; with the lock held. */
  protected final boolean freed() {
    return freed;
  }

  /**
   * Does something with the lock held, for what hangs on the unit, such as interrupt entries.
   *
   * @param what the step, for the message of a failure: {@code to change its interrupt entries}
   */
  public final <T> T locked(String what, Supplier<T> action) {
    lock.lock();
    try {
      return action.get();
    } catch (RuntimeException e) {
      throw failure(e, what);
    } finally {
      lock.unlock();
    }
  }

  /** Does something that returns nothing, as {@link #locked} does. */
  public final void runLocked(String what, Runnable action) {
    locked(
        what,
        () -> {
          action.run();
          return this;
        });
  }

  private void freeAll() {
    try {
      freeTables();
    } catch (RuntimeException e) {
      throw failure(e, "to give its tables back");
    }
  }

  @Override
  public final int allocateDomainId() {
    lock.lock();
    try {
      return domainIds.allocate();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public final void freeDomainId(int domainId) {
    lock.lock();
    try {
      domainIds.free(domainId);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public final void flush(int domainId, long iova, long lengthBytes, boolean leavesOnly) {
    lock.lock();
    try {
      if (translating) {
        caches().flushRange(domainId, iova, lengthBytes, leavesOnly);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public final void published(int domainId, long iova, long lengthBytes) {
    if (!caches().needsPublishing()) {
      return;
    }
    lock.lock();
    try {
      if (translating) {
        caches().published(domainId, iova, lengthBytes);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public final boolean drainFaults(List<DmaFault> target) {
    lock.lock();
    try {
      return drain(target);
    } catch (RuntimeException e) {
      throw failure(e, "to tell its faults");
    } finally {
      lock.unlock();
    }
  }

  @Override
  public final void check() {
    lock.lock();
    try {
      if (translating) {
        caches().check();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public final UnitMove move(
      int[] sourceIds, int domainId, int levels, long tableRoot, boolean forwardsInterrupts) {
    lock.lock();
    try {
      return new LockedMove(begin(sourceIds, domainId, levels, tableRoot, forwardsInterrupts));
    } catch (RuntimeException e) {
      throw failure(e, "to get ready for new " + entries);
    } finally {
      lock.unlock();
    }
  }

  /** A subclass's move, under the lock, with what the machine throws told as EIO. */
  private final class LockedMove implements UnitMove {
    private final UnitMove move;

    LockedMove(UnitMove move) {
      this.move = move;
    }

    @Override
    public void apply() {
      lock.lock();
      try {
        if (translating) {
          caches().check();
        }
        move.apply();
      } catch (RuntimeException e) {
        throw failure(e, "to take its new " + entries);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void finish() {
      lock.lock();
      try {
        move.finish();
      } catch (RuntimeException e) {
        throw failure(e, "to give back the tables of its old " + entries);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void cancel() {
      lock.lock();
      try {
        move.cancel();
      } catch (RuntimeException e) {
        throw failure(e, "to drop its new " + entries);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public boolean undo() {
      lock.lock();
      try {
        return move.undo();
      } finally {
        lock.unlock();
      }
    }
  }
}
