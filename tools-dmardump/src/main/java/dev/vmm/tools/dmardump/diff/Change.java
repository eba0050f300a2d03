package dev.vmm.tools.dmardump.diff;

/**
 * One difference.
 *
 * @param kind what happened
 * @param where what it happened to, from the outside in
 * @param before what was there, empty if nothing was
 * @param after what is there, empty if nothing is
 */
public record Change(Kind kind, String where, String before, String after) {
  /** What happened. */
  public enum Kind {
    /** It is new. */
    ADDED,
    /** It is gone. */
    REMOVED,
    /** It is another. */
    CHANGED
  }

  static Change added(String where, String after) {
    return new Change(Kind.ADDED, where, "", after);
  }

  static Change removed(String where, String before) {
    return new Change(Kind.REMOVED, where, before, "");
  }

  static Change changed(String where, String before, String after) {
    return new Change(Kind.CHANGED, where, before, after);
  }
}
