package dev.vmm.tools.vmmctl.shell;

import dev.vmm.VmmException;
import dev.vmm.tools.dmardump.DmardumpCommand;
import dev.vmm.tools.dmardump.Tool;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Carries out commands on a session, one after the other. Not thread-safe, but for {@link #end}.
 */
public final class Interpreter {
  private final Session session;
  private final Transcript transcript;
  private final CommandLine line;
  private @Nullable Result failure;

  /** Held while a command is carried out. */
  private final ReentrantLock busy = new ReentrantLock();

  private volatile boolean exit;

  /**
   * Prepares the commands.
   *
   * @param out gets what they print
   * @param err gets warnings
   */
  public Interpreter(Session session, PrintWriter out, PrintWriter err) {
    this.session = session;
    transcript = new Transcript(out);
    PrintWriter teed = new PrintWriter(transcript, true);
    line = new CommandLine(new Verbs(this), new Candidates.Factory(session));
    line.addSubcommand("dmardump", new DmardumpCommand(session.machine()));
    // What follows their first word is for somebody else to understand.
    line.getSubcommands().entrySet().stream()
        .filter(entry -> List.of("expect-error", "echo").contains(entry.getKey()))
        .forEach(entry -> entry.getValue().getCommandSpec().parser().stopAtPositional(true));
    Tool.configured(line);
    line.getCommandSpec()
        .usageMessage()
        .sectionKeys(List.of(UsageMessageSpec.SECTION_KEY_COMMAND_LIST));
    withoutRoot(line);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setOut(teed);
    line.setErr(err);
    line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
    line.setParameterExceptionHandler(
        (e, unused) -> {
          failure = Result.usage(usage(e));
          return Tool.USAGE;
        });
    line.setExecutionExceptionHandler(
        (e, unused, parsed) -> {
          failure = Result.failed(e);
          return Tool.FAILED;
        });
  }

  Session session() {
    return session;
  }

  /** Returns the commands, for completion. */
  CommandSpec commands() {
    return line.getCommandSpec();
  }

  /** Returns what commands print. */
  Transcript transcript() {
    return transcript;
  }

  /** Says whether the user wants to end. */
  boolean exiting() {
    return exit;
  }

  void exit() {
    exit = true;
  }

  /**
   * Ends from another thread: carries out no further line, and, once the one under way has ended,
   * does what comes last. Does not do it if that takes longer than {@code patience}.
   */
  public void end(Duration patience, Runnable last) {
    exit = true;
    try {
      if (!busy.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    try {
      last.run();
    } finally {
      busy.unlock();
    }
  }

  /** Carries out a line, which may be empty; none once the user wants to end. Never throws. */
  Result run(String text) {
    busy.lock();
    try {
      return exit ? Result.OK : runAlone(text);
    } finally {
      busy.unlock();
    }
  }

  private Result runAlone(String text) {
    List<String> words;
    try {
      words = Words.of(text);
    } catch (VmmException e) {
      return Result.usage(String.valueOf(e.getMessage()));
    }
    if (words.isEmpty()) {
      return Result.OK;
    }
    transcript.begin();
    Result result = run(words);
    transcript.end(result.message());
    return result;
  }

  /** Carries out a command, perhaps while another, which begins with it, is carried out. */
  Result run(List<String> words) {
    failure = null;
    int status;
    try {
      status = line.execute(words.toArray(new String[0]));
    } catch (RuntimeException | LinkageError e) {
      return Result.failed(e);
    }
    Result result = failure;
    failure = null;
    if (result != null) {
      return result;
    }
    return status == Tool.OK
        ? Result.OK
        : new Result(
            Tool.FAILED, null, words.get(0) + " ended with status " + status + "; see above");
  }

  /** The root has no name: leaves out the blank after it. */
  private static void withoutRoot(CommandLine line) {
    for (CommandLine each : line.getSubcommands().values()) {
      each.getCommandSpec().usageMessage().synopsisHeading("Usage:");
      withoutRoot(each);
    }
  }

  private static String usage(ParameterException e) {
    CommandSpec command = e.getCommandLine().getCommandSpec();
    String message = String.valueOf(e.getMessage()).strip().replaceAll("\\s*\\R\\s*", "; ");
    if (e instanceof UnmatchedArgumentException unmatched && command.parent() == null) {
      return "unknown command \"" + unmatched.getUnmatched().get(0) + "\"; see \"help\"";
    }
    return message + "; see \"" + ("help " + command.qualifiedName().strip()).strip() + "\"";
  }
}
