package dev.vmm.tools.vmmctl.shell;

import java.io.PrintWriter;
import java.io.Writer;

/**
 * Passes on what commands print, and remembers what the last command printed that printed
 * something. Not thread-safe.
 */
final class Transcript extends Writer {
  /** What is longer is remembered only so far. */
  private static final int MAX_CHARS = 1 << 20;

  private final PrintWriter out;
  private final StringBuilder current = new StringBuilder();
  private String last = "";

  Transcript(PrintWriter out) {
    this.out = out;
  }

  /** A command begins. */
  void begin() {
    current.setLength(0);
  }

  /**
   * A command ends.
   *
   * @param failure the line that tells of its failure, empty if there is none
   */
  void end(String failure) {
    current.append(failure);
    if (current.length() > 0) {
      last = current.toString();
    }
  }

  /** Returns what the last command printed that did, its failure included. */
  String last() {
    return last;
  }

  @Override
  public void write(char[] chars, int offset, int length) {
    out.write(chars, offset, length);
    current.append(chars, offset, Math.max(0, Math.min(length, MAX_CHARS - current.length())));
  }

  @Override
  public void flush() {
    out.flush();
  }

  @Override
  public void close() {
    out.flush();
  }
}
