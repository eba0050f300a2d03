package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;

/** Counts the polls after which something completes, or never does. */
final class Completion {
  private final Chip chip;
  private final Effect effect;
  private int polls;

  /** Begins to wait; the injector says what becomes of it. */
  Completion(Chip chip) {
    this.chip = chip;
    this.effect = chip.site().injector().on(Operation.COMPLETION);
  }

  /** Software looked; says whether it is complete by now. */
  boolean poll() {
    polls++;
    return switch (effect) {
      case FAIL, LOSE -> false;
      case DELAY -> polls >= chip.config().completionLag() + chip.config().delayedPolls();
      case NONE -> polls >= chip.config().completionLag();
    };
  }

  /** Says whether software looked often enough to take it for broken. */
  boolean waitedFor() {
    return polls >= chip.config().completionLag();
  }
}
