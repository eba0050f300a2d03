package dev.vmm.tck;

import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.inject.Operation;

/**
 * A kind of failure: which operation of the hardware fails, how, and whether only once or from then
 * on.
 */
record CrashPlan(Operation hardware, Effect effect, boolean forGood) {

  /** Says whether there is such a failure, and none that is the same by another name. */
  boolean makesSense() {
    return switch (hardware) {
      case ALLOCATE -> effect == Effect.FAIL;
      case REGISTER_READ, REGISTER_WRITE, CONFIG_READ, CONFIG_WRITE ->
          effect == Effect.FAIL || effect == Effect.LOSE;
      case STATUS, COMPLETION -> effect == Effect.LOSE || effect == Effect.DELAY;
      case RESET -> effect == Effect.FAIL || effect == Effect.DELAY;
    };
  }

  /** Says whether it is a unit that fails, so that nobody may know what it still has cached. */
  boolean concernsUnits() {
    return switch (hardware) {
      case REGISTER_READ, REGISTER_WRITE, STATUS, COMPLETION -> effect != Effect.DELAY;
      case ALLOCATE, CONFIG_READ, CONFIG_WRITE, RESET -> false;
    };
  }

  /**
   * Says whether software may have been told something wrong without any sign of it: a lost read is
   * all ones, which some registers can hold, and a write that does nothing is seen only by reading
   * back.
   */
  boolean deceives() {
    return (hardware == Operation.CONFIG_READ || hardware == Operation.CONFIG_WRITE)
        && effect == Effect.LOSE;
  }

  /** Says whether a unit may have got less than it was told, which software cannot see either. */
  boolean deceivesUnits() {
    return hardware == Operation.REGISTER_WRITE && effect == Effect.LOSE;
  }

  /**
   * Returns how far apart the failures are: each operation in turn, but of the hundreds of accesses
   * to config space with which functions are looked for, a selection, unless the system property
   * {@code vmm.tck.exhaustive} asks for all.
   */
  int stride() {
    boolean config = hardware == Operation.CONFIG_READ || hardware == Operation.CONFIG_WRITE;
    if (!config || Boolean.getBoolean("vmm.tck.exhaustive")) {
      return 1;
    }
    return effect == Effect.FAIL && !forGood ? 5 : 29;
  }

  /** Makes the n-th operation fail. */
  void arm(Injector injector, long n) {
    injector.clear();
    if (forGood) {
      injector.from(hardware, effect, n);
    } else {
      injector.nth(hardware, effect, n);
    }
  }

  @Override
  public String toString() {
    return hardware + " " + effect + (forGood ? " from the n-th on" : " the n-th");
  }
}
