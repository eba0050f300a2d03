package dev.vmm.tools.dmardump;

import java.util.ArrayList;
import java.util.List;

/** Indented lines of text. Not thread-safe. */
final class Lines {
  static final String INDENT = "    ";
  private static final String GAP = "  ";

  private final StringBuilder text = new StringBuilder();

  /** Adds a line; blanks at its end are left out. */
  void add(int depth, String line) {
    text.append(INDENT.repeat(depth)).append(line.stripTrailing()).append('\n');
  }

  /** Returns a line for each row, its cells padded to the columns' widths. */
  static List<String> align(List<List<String>> rows) {
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

  /** Adds words one after the other, in lines of at most {@code width} characters if they fit. */
  void addWrapped(int depth, List<String> words, int width) {
    StringBuilder line = new StringBuilder();
    for (String word : words) {
      if (line.length() > 0 && line.length() + 1 + word.length() > width) {
        add(depth, line.toString());
        line.setLength(0);
      }
      line.append(line.length() == 0 ? "" : " ").append(word);
    }
    if (line.length() > 0) {
      add(depth, line.toString());
    }
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
