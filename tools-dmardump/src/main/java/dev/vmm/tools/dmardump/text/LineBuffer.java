package dev.vmm.tools.dmardump.text;

import java.util.Arrays;

/**
 * Characters of one line or value, built without an object for each number: a domain may have
 * millions of ranges, and {@code String.format} or a locked writer for each character cost seconds
 * then. Not thread-safe.
 */
public final class LineBuffer {
  private static final char[] DIGITS = "0123456789abcdef".toCharArray();

  private char[] chars = new char[256];
  private int length;

  /** Forgets everything. */
  public LineBuffer clear() {
    length = 0;
    return this;
  }

  /** Returns the characters; those from {@link #length} on mean nothing. */
  public char[] chars() {
    return chars;
  }

  /** Returns how many there are. */
  public int length() {
    return length;
  }

  /** Adds text. */
  public LineBuffer text(String text) {
    int more = text.length();
    reserve(more);
    text.getChars(0, more, chars, length);
    length += more;
    return this;
  }

  /** Adds blanks. */
  public LineBuffer blanks(int count) {
    reserve(Math.max(count, 0));
    for (int i = 0; i < count; i++) {
      chars[length++] = ' ';
    }
    return this;
  }

  /** Adds one decimal digit. */
  public LineBuffer digit(int value) {
    reserve(1);
    chars[length++] = DIGITS[value];
    return this;
  }

  /** Adds {@code 0x...} without leading zeros. */
  public LineBuffer hex(long value) {
    reserve(18);
    chars[length++] = '0';
    chars[length++] = 'x';
    for (int shift = 4 * (hexWidth(value) - 3); shift >= 0; shift -= 4) {
      chars[length++] = DIGITS[(int) (value >>> shift) & 15];
    }
    return this;
  }

  /** Returns how many characters {@code 0x...} has. */
  public static int hexWidth(long value) {
    return 2 + Math.max(1, (67 - Long.numberOfLeadingZeros(value)) / 4);
  }

  private void reserve(int more) {
    if (length + more > chars.length) {
      chars = Arrays.copyOf(chars, 2 * chars.length + more);
    }
  }
}
