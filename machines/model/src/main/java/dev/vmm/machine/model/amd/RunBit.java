package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.inject.Operation;

/** A run bit of the Status Register that follows its enable bit late. Guarded by the unit. */
final class RunBit {
  private static final int DELAYED_POLLS = 16;

  private final int lag;
  private final Injector injector;
  private boolean running;
  private boolean wanted;
  private int pollsLeft;

  RunBit(int lag, Injector injector) {
    this.lag = lag;
    this.injector = injector;
  }

  boolean running() {
    return running;
  }

  /** Says whether it runs or will. */
  boolean starting() {
    return wanted && pollsLeft > 0;
  }

  /** Software changed the enable bit. */
  void want(boolean value) {
    if (value == wanted && (value == running || pollsLeft != 0)) {
      return;
    }
    wanted = value;
    if (value == running) {
      pollsLeft = 0;
      return;
    }
    Effect effect = injector.on(Operation.STATUS);
    pollsLeft =
        switch (effect) {
          case NONE -> lag;
          case DELAY -> lag + DELAYED_POLLS;
          case FAIL, LOSE -> -1;
        };
  }

  /** The hardware stopped by itself: only a new start helps. */
  void halt() {
    running = false;
    wanted = false;
    pollsLeft = 0;
  }

  void poll() {
    if (pollsLeft > 0 && --pollsLeft == 0) {
      running = wanted;
    }
  }

  /** Forgets everything. */
  void reset() {
    halt();
  }
}
