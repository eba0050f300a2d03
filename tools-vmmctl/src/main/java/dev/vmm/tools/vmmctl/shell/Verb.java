package dev.vmm.tools.vmmctl.shell;

import dev.vmm.tools.dmardump.Tool;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** What all commands of the language have in common. One is used again and again, by one thread. */
@Command(mixinStandardHelpOptions = false, sortOptions = false)
abstract class Verb implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;

  /** Does it; anything thrown is its failure. */
  abstract void run() throws IOException;

  @Override
  public final Integer call() throws IOException {
    run();
    return Tool.OK;
  }

  final CommandSpec spec() {
    return Objects.requireNonNull(spec);
  }

  final Interpreter interpreter() {
    return ((Verbs) spec().root().userObject()).interpreter();
  }

  final Session session() {
    return interpreter().session();
  }

  final PrintWriter out() {
    return spec().commandLine().getOut();
  }

  final void say(String format, Object... args) {
    out().println(String.format(Locale.ROOT, format, args));
  }
}
