package dev.vmm.machine.model.check;

/**
 * One misuse of the hardware. Immutable and thread-safe.
 *
 * @param rule what was broken
 * @param where the part of the machine, such as {@code vtd0} or {@code memory}
 * @param detail what was done, with addresses and values in hex
 * @param thread the name of the thread that did it
 */
public record Violation(Rule rule, String where, String detail, String thread) {
  /** Returns {@code RULE at WHERE: DETAIL (the book: ...; by thread ...)}. */
  @Override
  public String toString() {
    return rule.name()
        + " at "
        + where
        + ": "
        + detail
        + " (the book: "
        + rule.book()
        + "; by thread "
        + thread
        + ")";
  }
}
