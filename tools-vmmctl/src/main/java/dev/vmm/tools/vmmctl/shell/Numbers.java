package dev.vmm.tools.vmmctl.shell;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** How numbers are written in commands. Stateless. */
public final class Numbers {
  private static final Pattern SIZE = Pattern.compile("(0x[0-9a-fA-F]+|[0-9]+)([kKmMgGtT]?)");

  private Numbers() {}

  /** Reads an unsigned 64-bit number, decimal or {@code 0x} hexadecimal. */
  static final class Unsigned implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      try {
        return text.startsWith("0x") || text.startsWith("0X")
            ? Long.parseUnsignedLong(text.substring(2), 16)
            : Long.parseUnsignedLong(text);
      } catch (NumberFormatException e) {
        throw new TypeConversionException(
            "\"" + text + "\" is no number: expected at most 64 bits, such as 0x1000 or 4096");
      }
    }
  }

  /** Reads a length in bytes, such as {@code 64M}, {@code 0x1000}. Stateless. */
  public static final class Size implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      Matcher matcher = SIZE.matcher(text);
      if (matcher.matches()) {
        String suffix = matcher.group(2).toUpperCase(Locale.ROOT);
        int shift = suffix.isEmpty() ? 0 : 10 * (1 + "KMGT".indexOf(suffix));
        try {
          String number = matcher.group(1);
          long value =
              number.startsWith("0x")
                  ? Long.parseLong(number.substring(2), 16)
                  : Long.parseLong(number);
          if (value <= Long.MAX_VALUE >> shift) {
            return value << shift;
          }
        } catch (NumberFormatException e) {
          // Told below.
        }
      }
      throw new TypeConversionException(
          "\"" + text + "\" is no size: expected bytes, such as 4096, 64K or 0x10000");
    }
  }
}
