package dev.vmm.tools.dmardump;

import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints a script that completes the command lines of the tool that it is in. Used once. */
@Command(
    name = "completion",
    mixinStandardHelpOptions = true,
    description = {
      "Prints a script that completes ${ROOT-COMMAND-NAME}'s command lines in bash and zsh.",
      "Load it with: source <(${COMMAND-FULL-NAME})"
    })
public final class CompletionCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;

  /** Prints the script; returns the exit status. */
  @Override
  public Integer call() {
    CommandLine line = Objects.requireNonNull(spec).commandLine();
    CommandLine root = line;
    while (root.getParent() != null) {
      root = root.getParent();
    }
    line.getOut().print(AutoComplete.bash(root.getCommandName(), root));
    line.getOut().flush();
    return Tool.OK;
  }
}
