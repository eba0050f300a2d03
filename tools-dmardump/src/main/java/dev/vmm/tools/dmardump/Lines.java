package dev.vmm.tools.dmardump;

/** Indented lines of text. Not thread-safe. */
final class Lines {
  static final String INDENT = "    ";

  private final StringBuilder text = new StringBuilder();

  /** Adds a line; blanks at its end are left out. */
  void add(int depth, String line) {
    text.append(INDENT.repeat(depth)).append(line.stripTrailing()).append('\n');
  }

  /** Returns the lines so far and begins anew. */
  String take() {
    String taken = text.toString();
    text.setLength(0);
    return taken;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
