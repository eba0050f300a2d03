package dev.vmm.tunable;

import dev.vmm.VmmException;
import java.util.function.Function;

/**
 * The declaration of one tunable: its name, type, default and help line.
 *
 * <p>Immutable and thread-safe.
 *
 * @param <T> the type of its value
 */
public final class Tunable<T> {
  private final String name;
  private final String typeName;
  private final T defaultValue;
  private final String help;
  private final Function<String, T> parser;

  private Tunable(
      String name, String typeName, T defaultValue, String help, Function<String, T> parser) {
    this.name = name;
    this.typeName = typeName;
    this.defaultValue = defaultValue;
    this.help = help;
    this.parser = parser;
  }

  /** Declares a switch, written {@code 0} or {@code 1}. */
  public static Tunable<Boolean> ofBoolean(String name, boolean defaultValue, String help) {
    return new Tunable<>(
        name,
        "0 or 1",
        defaultValue,
        help,
        text ->
            switch (text) {
              case "0" -> false;
              case "1" -> true;
              default -> throw new IllegalArgumentException(text);
            });
  }

  /**
   * Declares a whole number from {@code min} to {@code max}, both inclusive, decimal or {@code 0x}
   * hexadecimal.
   */
  public static Tunable<Long> ofLong(
      String name, long min, long max, long defaultValue, String help) {
    return new Tunable<>(
        name,
        "a number from " + min + " to " + max,
        defaultValue,
        help,
        text -> {
          // Not Long.decode: it reads 010 as 8.
          long value =
              text.startsWith("0x") || text.startsWith("0X")
                  ? Long.parseLong(text, 2, text.length(), 16)
                  : Long.parseLong(text);
          if (value < min || value > max) {
            throw new IllegalArgumentException(text);
          }
          return value;
        });
  }

  /** Declares free text; an empty text is a value. */
  public static Tunable<String> ofString(String name, String defaultValue, String help) {
    return new Tunable<>(name, "text", defaultValue, help, text -> text);
  }

  /**
   * Declares a value with a form of its own. {@code parser} throws {@link IllegalArgumentException}
   * on malformed text, and {@code typeName} completes the sentence "expected ...".
   */
  public static <T> Tunable<T> of(
      String name, String typeName, T defaultValue, String help, Function<String, T> parser) {
    return new Tunable<>(name, typeName, defaultValue, help, parser);
  }

  /** Returns the full name, such as {@code hw.vmm.iommu.enable}. */
  public String name() {
    return name;
  }

  /** Returns what a value looks like, in words that complete "expected ...". */
  public String typeName() {
    return typeName;
  }

  /** Returns the value where nobody set one. */
  public T defaultValue() {
    return defaultValue;
  }

  /** Returns one line of help. */
  public String help() {
    return help;
  }

  /**
   * Parses a value as a user wrote it; blanks around it are ignored.
   *
   * @param source where it was written, for the message
   * @throws VmmException EINVAL if it is malformed
   */
  public T parse(String text, String source) {
    try {
      return parser.apply(text.strip());
    } catch (IllegalArgumentException e) {
      throw VmmException.invalid(
          "tunable %s has the malformed value \"%s\" (%s): expected %s; correct or remove it",
          name, text, source, typeName);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
