package dev.vmm.tools.dmardump;

/**
 * Indented lines of text; blanks at the end of one are left out. A run over hundreds of tables is
 * done before its code is compiled, so a line can be put together without a list of its cells. Not
 * thread-safe.
 */
final class Lines {
  static final String INDENT = "    ";
  private static final String[] BLANKS = new String[64];

  /** The indentation of each usual depth. */
  private static final String[] INDENTS = new String[8];

  static {
    for (int i = 0; i < BLANKS.length; i++) {
      BLANKS[i] = " ".repeat(i);
    }
    for (int i = 0; i < INDENTS.length; i++) {
      INDENTS[i] = INDENT.repeat(i);
    }
  }

  private final StringBuilder text = new StringBuilder(1 << 12);

  /** Where what can be left out of the line begins. */
  private int start;

  /** Adds a line. */
  void add(int depth, String line) {
    begin(depth).text(line).end();
  }

  /** Begins a line. */
  Lines begin(int depth) {
    text.append(depth < INDENTS.length ? INDENTS[depth] : INDENT.repeat(depth));
    start = text.length();
    return this;
  }

  /** Goes on with the line. */
  Lines text(String more) {
    text.append(more);
    return this;
  }

  /** Goes on with a number in decimal. */
  Lines number(int value) {
    text.append(value);
    return this;
  }

  /** Goes on with a cell that starts at a column of the line, counted without its indentation. */
  Lines cell(int column, String cell) {
    int missing = column - (text.length() - start);
    if (missing > 0) {
      text.append(missing < BLANKS.length ? BLANKS[missing] : " ".repeat(missing));
    }
    text.append(cell);
    return this;
  }

  /** Ends the line. */
  void end() {
    int all = text.length();
    int length = all;
    while (length > start && isBlank(text.charAt(length - 1))) {
      length--;
    }
    if (length < all) {
      text.setLength(length);
    }
    text.append('\n');
  }

  private static boolean isBlank(char c) {
    return (c <= ' ' || c >= 0x80) && Character.isWhitespace(c);
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
