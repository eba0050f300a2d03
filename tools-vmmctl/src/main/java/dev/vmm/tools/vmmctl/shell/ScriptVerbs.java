package dev.vmm.tools.vmmctl.shell;

import dev.vmm.Errno;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What scripts check and say. */
final class ScriptVerbs {
  private ScriptVerbs() {}

  /** {@code expect}. */
  @Command(
      name = "expect",
      description = {
        "Fail unless the last output holds a text.",
        "That is what the last command printed that printed something, its failure included."
      })
  static final class Expect extends Verb {
    @Parameters(paramLabel = "TEXT", description = "The text.")
    private String text = "";

    @Option(
        names = {"-n", "--not"},
        description = "Fail if it does.")
    private boolean not;

    @Override
    void run() {
      String last = interpreter().transcript().last();
      if (last.contains(text) == not) {
        throw new Result.Unexpected(
            "expected "
                + (not ? "no " : "")
                + "\""
                + text
                + "\" in the last output"
                + (last.isBlank() ? ", but there is none" : ": " + oneLine(last)));
      }
    }

    private static String oneLine(String text) {
      String line = text.strip().replaceAll("\\s*\\R\\s*", "; ");
      return line.length() <= 400 ? line : line.substring(0, 400) + "...";
    }
  }

  /** {@code expect-error}. */
  @Command(
      name = "expect-error",
      description = "Carry out a command, and fail unless it fails with this error.")
  static final class ExpectError extends Verb {
    @Parameters(index = "0", paramLabel = "ERRNO", description = "Such as EBUSY.")
    private Errno errno = Errno.EINVAL;

    @Parameters(
        index = "1..*",
        arity = "1..*",
        paramLabel = "COMMAND",
        description = "The command with its arguments.")
    private List<String> command = List.of();

    @Override
    void run() {
      Errno expected = errno;
      String words = String.join(" ", command);
      Result result = interpreter().run(List.copyOf(command));
      if (result.ok()) {
        throw new Result.Unexpected(
            "expected " + expected + " from \"" + words + "\", which succeeded");
      }
      if (result.errno() != expected) {
        throw new Result.Unexpected(
            "expected "
                + expected
                + " from \""
                + words
                + "\" but it failed with "
                + result.message());
      }
      say("as expected: %s", result.message());
    }
  }

  /** {@code echo}. */
  @Command(name = "echo", description = "Print words.")
  static final class Echo extends Verb {
    @Parameters(arity = "0..*", paramLabel = "WORD", description = "The words.")
    private List<String> words = List.of();

    @Override
    void run() {
      out().println(String.join(" ", words));
    }
  }

  /** {@code exit}. */
  @Command(name = "exit", aliases = "quit", description = "End; everything is given back.")
  static final class Exit extends Verb {
    @Override
    void run() {
      interpreter().exit();
    }
  }
}
