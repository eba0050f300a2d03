package dev.vmm.tools.vmmctl.demo;

import dev.vmm.tools.dmardump.Text;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the parts of a step stand on the screen: number, status, title, and beside it what was read
 * back, in a column of its own if the terminal is wide enough, else below the title.
 *
 * @param columns the terminal's width
 */
record StepLayout(int columns) {
  /** What stands left of the title. */
  static final String MARGIN = " ".repeat(13);

  private static final int TITLE = 28;

  /** A narrower column of evidence is unpleasant to read. */
  private static final int MIN_EVIDENCE = 50;

  /** Returns the lines of a step. {@code status} has 7 characters and may have colour. */
  List<String> step(String number, String status, String title, List<String> evidence) {
    String start = number + "  " + status + "  ";
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < evidence.size(); i++) {
      parts.add(evidence.get(i) + (i + 1 < evidence.size() ? ";" : ""));
    }
    String indent = MARGIN + " ".repeat(TITLE + 2);
    List<String> lines = new ArrayList<>();
    if (columns - indent.length() >= MIN_EVIDENCE) {
      List<String> column = Text.fill(parts, columns - indent.length());
      String padded = title + " ".repeat(Math.max(0, TITLE - title.length()));
      lines.add((start + padded + "  " + (column.isEmpty() ? "" : column.get(0))).stripTrailing());
      column.stream().skip(1).forEach(line -> lines.add(indent + line));
    } else {
      lines.add(start + title);
      Text.fill(parts, textWidth()).forEach(line -> lines.add(MARGIN + line));
    }
    return lines;
  }

  /** Returns the lines of a text at the left edge. */
  List<String> heading(String text) {
    return Text.fill(List.of(text), columns);
  }

  /** Returns the lines of a text that stands below the title, without their margin. */
  List<String> below(String text) {
    return Text.fill(List.of(text), textWidth());
  }

  private int textWidth() {
    return Math.max(1, columns - MARGIN.length());
  }
}
