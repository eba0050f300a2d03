package dev.vmm.tck;

import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import org.jspecify.annotations.Nullable;

/**
 * The machine under test, as a back end sees it, with something that happens in the middle: after
 * the n-th store to memory, or before the n-th write of a register. Not thread-safe.
 */
final class SteppedMachine extends MachineDecorator {
  private final PhysicalMemory memory;
  private @Nullable Runnable event;
  private boolean stores;
  private int left;
  private @Nullable AssertionError failure;

  SteppedMachine(Machine machine) {
    super(machine);
    memory =
        new MemoryDecorator(machine.memory()) {
          @Override
          protected void stored() {
            step(true);
          }
        };
  }

  /** Has {@code what} happen after the n-th store from now on, counted from 1. */
  void afterStore(int n, Runnable what) {
    plan(true, n, what);
  }

  /** Has {@code what} happen before the n-th write of a register from now on, counted from 1. */
  void beforeRegisterWrite(int n, Runnable what) {
    plan(false, n, what);
  }

  private void plan(boolean atStores, int n, Runnable what) {
    stores = atStores;
    left = n;
    event = what;
    failure = null;
  }

  /** Ends the plan; says whether it happened, and fails as it did. */
  boolean happened() {
    boolean happened = event == null;
    event = null;
    if (failure != null) {
      throw failure;
    }
    return happened;
  }

  /** What a driver does must not depend on how a test fails, so that is told later. */
  private void step(boolean store) {
    Runnable what = event;
    if (what != null && store == stores && --left == 0) {
      event = null;
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
