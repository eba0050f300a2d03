package dev.vmm.tools.vmmctl;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.tools.vmmctl.shell.Interpreter;
import dev.vmm.tools.vmmctl.shell.Script;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vmmctl run}. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Carries out a script on a machine: one command a line, # begins a comment, '...' and \"...\" hold blanks.",
      "The first failure ends it. Whatever happens, everything is given back at the end."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:every command succeeded, and the machine's hardware was not misused",
      "1:a command or the machine failed",
      "2:the command line, a tunable or a line of the script is wrong, or the script cannot be read"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  vmmctl run docs/examples/d7448.vmm --machine qemu:intel",
      "  printf 'attach edu0\\nlist\\n' | vmmctl run -",
      "  echo help | vmmctl run -      # the commands"
    })
final class RunCommand extends SessionCommand {
  private static final String STANDARD_INPUT = "-";

  @Parameters(paramLabel = "SCRIPT", description = "The file, or - for the standard input.")
  private String script = "";

  @Option(
      names = {"-k", "--keep-going"},
      description = "Go on after a failure; the exit status tells of it all the same.")
  private boolean keepGoing;

  @Option(
      names = {"-x", "--trace"},
      description = "Print each line before it is carried out.")
  private boolean trace;

  private BufferedReader lines = new BufferedReader(new StringReader(""));

  @Override
  void prepare() {
    lines =
        script.equals(STANDARD_INPUT)
            ? new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))
            : new BufferedReader(new StringReader(read()));
  }

  @Override
  int run(Interpreter interpreter) throws IOException {
    return new Script(interpreter, name(), out(), err(), keepGoing, trace).run(lines);
  }

  private String name() {
    return script.equals(STANDARD_INPUT) ? "standard input" : script;
  }

  private String read() {
    try {
      return Files.readString(Path.of(script));
    } catch (InvalidPathException e) {
      throw VmmException.invalid("\"%s\" is no file name: %s", script, e.getReason());
    } catch (CharacterCodingException e) {
      throw new VmmException(
          Errno.EINVAL, "the script " + script + " is no UTF-8 text: expected a command a line", e);
    } catch (IOException e) {
      String reason =
          e instanceof NoSuchFileException
              ? "there is no such file"
              : String.valueOf(e.getMessage());
      throw new VmmException(
          Errno.ENOENT,
          "cannot read the script " + script + ": " + reason + "; name a text file",
          e);
    }
  }
}
