package dev.vmm.tools.vmmctl;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.tools.dmardump.Palette;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tools.vmmctl.shell.Interpreter;
import dev.vmm.tools.vmmctl.shell.Prompt;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vmmctl shell}. */
@Command(
    name = "shell",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Takes commands on a machine, those of \"vmmctl run\": \"help\" lists them, the tab key completes them.",
      "An error ends nothing; Ctrl-D or \"exit\" does, and everything is given back then."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:it ended as its user wanted, and the machine's hardware was not misused",
      "1:the machine failed",
      "2:the command line or a tunable is wrong"
    })
final class ShellCommand extends SessionCommand {
  @Option(
      names = "--history",
      description = {
        "Keep the lines for the next time, in vmmctl/history of $XDG_STATE_HOME (default ~/.local/state)."
      })
  private boolean history;

  @Override
  void prepare() {}

  @Override
  int run(Interpreter interpreter) throws IOException {
    Prompt prompt = new Prompt(interpreter, out(), err());
    if (Palette.When.isTerminal()) {
      prompt.edit(history ? Optional.of(historyFile()) : Optional.empty());
    } else {
      prompt.read(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)));
    }
    return Tool.OK;
  }

  private static Path historyFile() {
    String state = System.getenv("XDG_STATE_HOME");
    // The XDG Base Directory Specification has a relative one ignored.
    Path base =
        state != null && Path.of(state).isAbsolute()
            ? Path.of(state)
            : Path.of(System.getProperty("user.home"), ".local", "state");
    Path folder = base.resolve("vmmctl");
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new VmmException(
          Errno.EINVAL,
          "cannot keep lines in "
              + folder
              + ": "
              + e
              + "; leave --history out, or set XDG_STATE_HOME",
          e);
    }
    return folder.resolve("history");
  }
}
