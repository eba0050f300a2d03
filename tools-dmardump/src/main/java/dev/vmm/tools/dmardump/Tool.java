package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
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

  private Tool() {}

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
    CommandLine line = new CommandLine(command);
    line.registerConverter(Palette.When.class, Tool::when);
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
   * Prints the line for a failure.
   *
   * @param name the tool's name
   * @return the exit status: {@link #USAGE} for what the user wrote, else {@link #FAILED}
   */
  public static int report(String name, Throwable failure, PrintWriter err) {
    if (failure instanceof VmmException e) {
      err.println(name + ": " + e.errno() + ": " + oneLine(String.valueOf(e.getMessage())));
      err.flush();
      return e.errno() == Errno.EINVAL || e.errno() == Errno.ENOENT ? USAGE : FAILED;
    }
    err.println(
        name
            + ": internal error: "
            + oneLine(failure.toString())
            + "; please report it with the command line");
    err.flush();
    return FAILED;
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
    for (Palette.When when : Palette.When.values()) {
      if (when.toString().equalsIgnoreCase(text)) {
        return when;
      }
    }
    throw new TypeConversionException(
        "expected one of auto, always, never but was \"" + text + "\"");
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
    return text.strip().replaceAll("\\s*\\R\\s*", "; ");
  }
}
