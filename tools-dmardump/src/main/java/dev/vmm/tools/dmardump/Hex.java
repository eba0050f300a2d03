package dev.vmm.tools.dmardump;

import java.io.IOException;

/**
 * Numbers for lines that are written by the million, where {@code String.format} costs too much.
 * Stateless.
 */
final class Hex {
  private static final char[] DIGITS = "0123456789abcdef".toCharArray();

  private Hex() {}

  /** Returns how many characters {@code 0x...} has. */
  static int width(long value) {
    return 2 + Math.max(1, (67 - Long.numberOfLeadingZeros(value)) / 4);
  }

  /** Appends {@code 0x...} without leading zeros. */
  static void append(Appendable out, long value) throws IOException {
    out.append("0x");
    int shift = Math.max(0, (63 - Long.numberOfLeadingZeros(value)) / 4 * 4);
    for (; shift >= 0; shift -= 4) {
      out.append(DIGITS[(int) (value >>> shift) & 15]);
    }
  }

  /** Appends blanks. */
  static void blanks(Appendable out, int count) throws IOException {
    for (int i = 0; i < count; i++) {
      out.append(' ');
    }
  }
}
