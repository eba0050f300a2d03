package dev.vmm;

import java.util.Formattable;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Sentences with values in them, as {@link String#format(Locale, String, Object...)} makes them for
 * {@link Locale#ROOT}. The first of the JDK's costs a tool ten milliseconds, a tenth of its run: it
 * looks for the numerals of every locale. Stateless and thread-safe.
 */
public final class Message {
  private Message() {}

  /**
   * Formats a message. {@code %s}, {@code %d} and {@code %x} are done here, also with a width of
   * zeros as in {@code %04x}; a message with anything else is left to the JDK, mistakes included.
   */
  public static String format(String format, @Nullable Object... args) {
    StringBuilder text = new StringBuilder(2 * format.length());
    int from = 0;
    int used = 0;
    for (int at = format.indexOf('%'); at >= 0; at = format.indexOf('%', from)) {
      text.append(format.substring(from, at));
      int end = at + 1;
      int zeros = 0;
      if (end + 1 < format.length() && format.charAt(end) == '0') {
        zeros = Character.digit(format.charAt(end + 1), 10);
        end += 2;
      }
      if (end >= format.length() || used >= args.length || zeros < 0) {
        return byJdk(format, args);
      }
      String value = value(format.charAt(end), args[used++]);
      if (value == null
          || (zeros > 0 && (format.charAt(end) == 's' || value.startsWith("-")))
          || (zeros == 0 && end > at + 1)) {
        return byJdk(format, args);
      }
      for (int missing = zeros - value.length(); missing > 0; missing--) {
        text.append('0');
      }
      text.append(value);
      from = end + 1;
    }
    return text.append(format.substring(from)).toString();
  }

  /** Returns a value as this conversion shows it; null if only the JDK knows how. */
  private static @Nullable String value(char conversion, @Nullable Object arg) {
    return switch (conversion) {
      case 's' -> arg instanceof Formattable ? null : String.valueOf(arg);
      case 'd' -> arg instanceof Integer || arg instanceof Long ? arg.toString() : null;
      case 'x' -> arg instanceof Integer i ? Integer.toHexString(i) : hexOfLong(arg);
      default -> null;
    };
  }

  private static @Nullable String hexOfLong(@Nullable Object arg) {
    return arg instanceof Long l ? Long.toHexString(l) : null;
  }

  private static String byJdk(String format, @Nullable Object[] args) {
    return String.format(Locale.ROOT, format, args);
  }
}
