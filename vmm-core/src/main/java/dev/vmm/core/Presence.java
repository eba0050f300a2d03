package dev.vmm.core;

/**
 * Whether an I/O MMU can be used.
 *
 * @param usable whether a pass-through may be tried
 * @param backend the selected back end's name, empty if none
 * @param detail one line: what there is, or why it cannot be used
 */
public record Presence(boolean usable, String backend, String detail) {
  /** What D7448 tells the user when no I/O MMU can be used. */
  public static final String REFUSAL = "I/O MMU is not present or is disabled";
}
