package dev.vmm.machine;

import java.util.List;

/**
 * A {@link Machine} that knows how its hardware ought to be treated and notes where it was not. A
 * machine need not be one; whoever has driven one asks at the end, with {@link #complaintsOf}.
 */
public interface SelfChecking {
  /**
   * Returns what was done to the machine's hardware that its books forbid, oldest first, one line
   * each with the rule and where it stands; empty if nothing was. Thread-safe; can be asked after
   * the machine was closed, too.
   */
  List<String> complaints();

  /** Returns a machine's complaints; none for a machine that does not check itself. */
  static List<String> complaintsOf(Machine machine) {
    return machine instanceof SelfChecking checking ? checking.complaints() : List.of();
  }
}
