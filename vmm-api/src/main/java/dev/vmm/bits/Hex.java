package dev.vmm.bits;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Numbers and bytes in hexadecimal, in small letters. A tool that shows a table is done before the
 * JVM has compiled its code, and a table has hundreds of numbers: no formatter here, and no text
 * that is made twice. Stateless but for texts that are kept, and thread-safe.
 */
public final class Hex {
  private static final byte[] DIGITS = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);

  /** The texts of most values, each made when it is first asked for. */
  private static final @Nullable String[] SMALL = new String[256];

  private static final @Nullable String[] PAIRS = new String[256];

  private Hex() {}

  /** Returns a number, unsigned, as {@code 0x...} without leading zeros. */
  public static String of(long value) {
    if (value < 0 || value >= SMALL.length) {
      return make(value);
    }
    String text = SMALL[(int) value];
    if (text == null) {
      text = make(value);
      SMALL[(int) value] = text;
    }
    return text;
  }

  private static String make(long value) {
    int digits = Math.max(1, (67 - Long.numberOfLeadingZeros(value)) / 4);
    byte[] text = new byte[2 + digits];
    text[0] = '0';
    text[1] = 'x';
    put(text, 2, value, digits);
    return latin(text);
  }

  /** Returns the two digits of the low 8 bits. */
  public static String pair(int value) {
    String text = PAIRS[value & 0xff];
    if (text == null) {
      byte[] digits = new byte[2];
      put(digits, 0, value, 2);
      text = latin(digits);
      PAIRS[value & 0xff] = text;
    }
    return text;
  }

  /** Writes the low digits of a number, leading zeros too, from {@code at} on. */
  public static void put(byte[] text, int at, long value, int digits) {
    long left = value;
    for (int i = at + digits - 1; i >= at; i--) {
      text[i] = DIGITS[(int) left & 15];
      left >>>= 4;
    }
  }

  /** Returns bytes as two digits each, separated by blanks. */
  public static String bytes(byte[] bytes) {
    if (bytes.length == 0) {
      return "";
    }
    byte[] text = new byte[3 * bytes.length - 1];
    int at = 0;
    for (byte b : bytes) {
      if (at > 0) {
        text[at++] = ' ';
      }
      text[at++] = DIGITS[b >>> 4 & 15];
      text[at++] = DIGITS[b & 15];
    }
    return latin(text);
  }

  /** Returns characters of ISO 8859-1 as text. */
  @SuppressWarnings("deprecation") // it does just this; decoding by a charset is compiled for long
  public static String latin(byte[] characters) {
    return new String(characters, 0);
  }
}
