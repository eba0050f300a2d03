package dev.vmm.tools.dmardump;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** Plain text in columns and in lines of a width. Stateless and thread-safe. */
public final class Text {
  private static final String GAP = "  ";

  private Text() {}

  /**
   * Returns how many columns the terminal has: the environment variable {@code COLUMNS}, which our
   * launcher sets where the standard output is a terminal. Empty in a pipe: lines are not broken.
   */
  public static OptionalInt columns() {
    return columns(System.getenv("COLUMNS"));
  }

  static OptionalInt columns(@org.jspecify.annotations.Nullable String text) {
    return text != null && text.matches("[1-9]\\d{0,4}")
        ? OptionalInt.of(Integer.parseInt(text))
        : OptionalInt.empty();
  }

  /** Returns a line for each row, its cells padded to the columns' widths. */
  public static List<String> align(List<List<String>> rows) {
    List<Integer> widths = new ArrayList<>();
    for (List<String> row : rows) {
      for (int column = 0; column < row.size(); column++) {
        if (column == widths.size()) {
          widths.add(0);
        }
        widths.set(column, Math.max(widths.get(column), row.get(column).length()));
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int column = 0; column < row.size(); column++) {
        String cell = row.get(column);
        int width = widths.get(column);
        if (width > 0) {
          line.append(cell).append(" ".repeat(width - cell.length())).append(GAP);
        }
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  /**
   * Returns lines of at most {@code width} characters with a blank between the parts. A part is
   * broken, between its words, only if it is longer than a line; a longer word is not.
   */
  public static List<String> fill(List<String> parts, int width) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String part : parts) {
      List<String> pieces = part.length() <= width ? List.of(part) : List.of(part.split(" "));
      for (String piece : pieces) {
        if (line.length() > 0 && line.length() + 1 + piece.length() > width) {
          lines.add(line.toString());
          line.setLength(0);
        }
        line.append(line.length() == 0 ? "" : " ").append(piece);
      }
    }
    if (line.length() > 0) {
      lines.add(line.toString());
    }
    return lines;
  }
}
