package dev.vmm.machine.model.check;

/**
 * Something that the book forbids software to do to hardware. Each kind of hardware lists its rules
 * in an enum that implements this.
 */
public interface Rule {
  /** Returns the stable name, such as {@code COMMAND_BEFORE_COMPLETION}. */
  String name();

  /** Returns what is forbidden and the book's section that says so, in one line. */
  String book();
}
