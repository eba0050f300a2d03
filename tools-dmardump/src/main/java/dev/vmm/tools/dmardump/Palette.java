package dev.vmm.tools.dmardump;

import java.io.Console;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The few colours of the tools' output, or none of them. Immutable and thread-safe.
 *
 * <p>Colour only repeats what the words say: nothing is lost without it.
 */
public final class Palette {
  /** When to use colour. */
  public enum When {
    /** If the output is a terminal that shows it. */
    AUTO,
    /** In pipes and files too. */
    ALWAYS,
    /** Nowhere. */
    NEVER;

    /** Returns the palette to use for the standard output. */
    public Palette palette() {
      return switch (this) {
        case AUTO -> new Palette(terminal());
        case ALWAYS -> new Palette(true);
        case NEVER -> PLAIN;
      };
    }

    /** Says whether the output is a terminal whose user wants colour. */
    static boolean terminal() {
      return shows(isTerminal(), System.getenv("TERM"), System.getenv("NO_COLOR"));
    }

    /** Says whether the standard input and output are a terminal, whatever it shows. */
    @SuppressWarnings("SystemConsoleNull") // what JDK 22 changed is asked for below
    public static boolean isTerminal() {
      Console console = System.console();
      if (console == null) {
        return false;
      }
      try {
        return (boolean) Console.class.getMethod("isTerminal").invoke(console);
      } catch (ReflectiveOperationException e) {
        return true; // before JDK 22 there is a console only if there is a terminal
      }
    }

    static boolean shows(boolean console, @Nullable String term, @Nullable String noColor) {
      return console
          && term != null
          && !term.equals("dumb")
          && (noColor == null || noColor.isEmpty());
    }

    /** Returns the meaning of a word, if it has one. */
    static Optional<When> parse(String text) {
      for (When when : values()) {
        if (when.toString().equalsIgnoreCase(text)) {
          return Optional.of(when);
        }
      }
      return Optional.empty();
    }

    /** Returns the name as a user writes it. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** No colours. */
  public static final Palette PLAIN = new Palette(false);

  private static final String RESET = "\u001b[0m";

  private final boolean on;

  private Palette(boolean on) {
    this.on = on;
  }

  /** Says whether there is any colour. */
  public boolean on() {
    return on;
  }

  /** Returns a heading. */
  public String strong(String text) {
    return paint("\u001b[1m", text);
  }

  /** Returns something that matters less. */
  public String faint(String text) {
    return paint("\u001b[2m", text);
  }

  /** Returns something that is as it should be. */
  public String good(String text) {
    return paint("\u001b[32m", text);
  }

  /** Returns something that is wrong. */
  public String bad(String text) {
    return paint("\u001b[1;31m", text);
  }

  private String paint(String code, String text) {
    return on ? code + text + RESET : text;
  }
}
