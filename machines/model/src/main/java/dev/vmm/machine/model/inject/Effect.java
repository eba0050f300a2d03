package dev.vmm.machine.model.inject;

/** What becomes of an operation. */
public enum Effect {
  /** It works. */
  NONE,
  /** It fails and says so, where the hardware can. */
  FAIL,
  /** It is lost without a word. */
  LOSE,
  /** It works, but later than usual; only for what has a later: STATUS, COMPLETION and RESET. */
  DELAY
}
