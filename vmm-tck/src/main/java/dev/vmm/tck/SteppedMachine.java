package dev.vmm.tck;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import org.jspecify.annotations.Nullable;

/**
 * The machine under test, as a back end sees it, with something that happens in the middle: after
 * the n-th store to memory, or before the n-th write of a register. A flush of the processor's
 * caches counts as a store: for a unit that does not snoop it is the moment that shows one. Not
 * thread-safe.
 */
final class SteppedMachine extends MachineDecorator {
  private final PhysicalMemory memory;
  private @Nullable Runnable event;
  private boolean stores;
  private boolean always;
  private int left;
  private int allocationsLeft;
  private @Nullable AssertionError failure;

  SteppedMachine(Machine machine) {
    super(machine);
    memory =
        new MemoryDecorator(machine.memory()) {
          @Override
          protected void stored() {
            step(true);
          }

          @Override
          protected void flushed() {
            step(true);
          }

          @Override
          public long allocate(long lengthBytes, long alignmentBytes) {
            if (allocationsLeft > 0 && --allocationsLeft == 0) {
              throw new VmmException(
                  Errno.ENOMEM, "no memory is left: this allocation was to fail");
            }
            return super.allocate(lengthBytes, alignmentBytes);
          }
        };
  }

  /** Has {@code what} happen after the n-th store from now on, counted from 1. */
  void afterStore(int n, Runnable what) {
    plan(true, n, what);
  }

  /** Has {@code what} happen after each store from now on, until {@link #happened} is asked. */
  void afterEachStore(Runnable what) {
    plan(true, 1, what);
    always = true;
  }

  /** Has the n-th allocation from now on, counted from 1, fail with ENOMEM. */
  void failAllocation(int n) {
    allocationsLeft = n;
  }

  /** Has {@code what} happen before the n-th write of a register from now on, counted from 1. */
  void beforeRegisterWrite(int n, Runnable what) {
    plan(false, n, what);
  }

  private void plan(boolean atStores, int n, Runnable what) {
    stores = atStores;
    left = n;
    always = false;
    event = what;
    failure = null;
  }

  /** Ends the plan; says whether it happened, and fails as it did. */
  boolean happened() {
    boolean happened = event == null || left <= 0;
    event = null;
    if (failure != null) {
      throw failure;
    }
    return happened;
  }

  /** What a driver does must not depend on how a test fails, so that is told later. */
  private void step(boolean store) {
    Runnable what = event;
    if (what != null && store == stores && --left <= 0) {
      event = always ? what : null;
      try {
        what.run();
      } catch (AssertionError e) {
        failure = e;
      }
    }
  }

  @Override
  public PhysicalMemory memory() {
    return memory;
  }

  @Override
  protected void write(RegisterBlock block, long offset, int widthBytes, long value) {
    step(false);
    super.write(block, offset, widthBytes, value);
  }
}
