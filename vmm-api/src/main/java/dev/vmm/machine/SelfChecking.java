package dev.vmm.machine;

import java.util.List;

/**
 * A machine that notices misuse of its hardware: what the book forbids software to do, and real
 * hardware would pass over in silence. Thread-safe.
 */
public interface SelfChecking {
  /**
   * Returns a line for each misuse so far, oldest first; empty if the hardware was always used by
   * the book.
   */
  List<String> complaints();
}
