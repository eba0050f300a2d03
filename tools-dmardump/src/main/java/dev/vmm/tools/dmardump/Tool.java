package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/**
 * What our commands have in common: how they are run in this process, how they report errors, and
 * their exit statuses. Stateless and thread-safe.
 */
public final class Tool {
  /** Everything held. */
  public static final int OK = 0;

  /** The machine or a step failed. */
  public static final int FAILED = 1;

  /** The command line or an input file is wrong. */
  public static final int USAGE = 2;

  private static final int MIN_HELP_WIDTH = 60;
  private static final int MAX_HELP_WIDTH = 120;

  /** A tool in this process. */
  @FunctionalInterface
  public interface Body {
    /** Runs it and returns its exit status. */
    int run(String[] args, PrintWriter out, PrintWriter err);
  }

  private Tool() {}

  /**
   * Runs a tool on the standard streams and ends the JVM with its exit status. Output that cannot
   * be written is a failure; a reader that left, as {@code head} does, is none.
   *
   * @param name the tool's name
   */
  public static void main(String name, Body body, String[] args) {
    WatchedOutput watched = new WatchedOutput(new FileOutputStream(FileDescriptor.out));
    PrintWriter out = new PrintWriter(new Utf8Writer(watched), true);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    int status = body.run(args, out, err);
    IOException failure = watched.failure();
    if (failure != null && !"Broken pipe".equals(failure.getMessage())) {
      status = Math.max(status, FAILED);
      err.println(name + ": EIO: the output cannot be written: " + failure.getMessage());
    }
    System.exit(status);
  }

  /**
   * Runs a command. An error becomes one line on {@code err}, {@code NAME: ERRNO: message}; nothing
   * is thrown and the JVM is not ended.
   *
   * @param name the tool's name
   * @param command an object with picocli's annotations
   * @return the exit status
   */
  public static int run(
      String name, Object command, String[] args, PrintWriter out, PrintWriter err) {
    CommandLine line = configured(new CommandLine(command));
    line.setOut(out);
    line.setErr(err);
    line.setColorScheme(CommandLine.Help.defaultColorScheme(ansi(args)));
    line.setParameterExceptionHandler((e, unused) -> usage(name, e));
    line.setExecutionExceptionHandler((e, unused, parsed) -> report(name, e, err));
    int status = line.execute(args);
    out.flush();
    err.flush();
    return status;
  }

  /**
   * Has a parser read the words of our own types, break help texts where the terminal ends, and
   * tell the version to whoever asks a subcommand for it.
   *
   * @return {@code line}
   */
  public static CommandLine configured(CommandLine line) {
    Text.columns()
        .ifPresent(
            columns ->
                line.setUsageHelpWidth(
                    Math.max(MIN_HELP_WIDTH, Math.min(columns, MAX_HELP_WIDTH))));
    line.registerConverter(Palette.When.class, Tool::when);
    tellVersion(line, line.getCommandSpec().versionProvider());
    return line;
  }

  private static void tellVersion(CommandLine line, @Nullable IVersionProvider ofParent) {
    IVersionProvider own = line.getCommandSpec().versionProvider();
    IVersionProvider version = own == null ? ofParent : own;
    line.getCommandSpec().versionProvider(version);
    line.getSubcommands().values().forEach(subcommand -> tellVersion(subcommand, version));
  }

  /** Runs a body that needs no parser; as {@link #run} otherwise. */
  static int guarded(String name, Callable<Integer> body, PrintWriter out, PrintWriter err) {
    int status;
    try {
      status = body.call();
    } catch (Exception e) {
      status = report(name, e, err);
    }
    out.flush();
    err.flush();
    return status;
  }

  /**
   * Prints the line for a failure.
   *
   * @param name the tool's name
   * @return the exit status: {@link #USAGE} for what the user wrote, else {@link #FAILED}
   */
  public static int report(String name, Throwable failure, PrintWriter err) {
    err.println(name + ": " + message(failure));
    err.flush();
    return failure instanceof VmmException e
            && (e.errno() == Errno.EINVAL || e.errno() == Errno.ENOENT)
        ? USAGE
        : FAILED;
  }

  /** Returns a failure in one line: {@code ERRNO: message}, without the tool's name. */
  public static String message(Throwable failure) {
    return failure instanceof VmmException e
        ? e.errno() + ": " + oneLine(String.valueOf(e.getMessage()))
        : "internal error: "
            + oneLine(failure.toString())
            + "; please report it with the command line";
  }

  private static int usage(String name, ParameterException e) {
    CommandLine line = e.getCommandLine();
    line.getErr()
        .println(
            name
                + ": "
                + Errno.EINVAL
                + ": "
                + oneLine(String.valueOf(e.getMessage()))
                + "; see \""
                + line.getCommandSpec().qualifiedName()
                + " --help\"");
    return USAGE;
  }

  private static Palette.When when(String text) {
    return Palette.When.parse(text)
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "expected one of auto, always, never but was \"" + text + "\""));
  }

  /** Returns the colour of help texts, which are printed before the options are ours to read. */
  private static Ansi ansi(String[] args) {
    Ansi ansi = Ansi.AUTO;
    for (String arg : args) {
      switch (arg.toLowerCase(Locale.ROOT)) {
        case "--color=always" -> ansi = Ansi.ON;
        case "--color=never" -> ansi = Ansi.OFF;
        case "--color=auto" -> ansi = Ansi.AUTO;
        default -> {}
      }
    }
    return ansi;
  }

  private static String oneLine(String text) {
    String one = text.strip();
    for (int i = 0; i < one.length(); i++) {
      if (one.charAt(i) < ' ' || one.charAt(i) > '~') {
        return one.replaceAll("\\s*\\R\\s*", "; ");
      }
    }
    return one; // a pattern for it would cost more than a table
  }
}
