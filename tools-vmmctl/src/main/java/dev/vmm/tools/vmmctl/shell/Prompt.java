package dev.vmm.tools.vmmctl.shell;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Asks a user for commands, until the end of the input or {@code exit}. An error ends nothing. */
public final class Prompt {
  private final Interpreter interpreter;
  private final PrintWriter out;
  private final PrintWriter err;

  /**
   * Prepares to ask.
   *
   * @param err gets a line for each failure
   */
  public Prompt(Interpreter interpreter, PrintWriter out, PrintWriter err) {
    this.interpreter = interpreter;
    this.out = out;
    this.err = err;
  }

  /** Takes commands from a pipe or a file: no prompt, and no line editor is even loaded. */
  public void read(BufferedReader lines) throws IOException {
    for (String text = lines.readLine(); text != null && carryOut(text); text = lines.readLine()) {}
  }

  /**
   * Takes commands from the terminal, with line editing, completion, and the lines before.
   *
   * @param history where to keep the lines for the next time; empty to forget them
   * @throws IOException if the terminal cannot be used
   */
  public void edit(Optional<Path> history) throws IOException {
    try (Terminal terminal =
        TerminalBuilder.builder().name("vmmctl").system(true).dumb(true).build()) {
      LineReaderBuilder builder =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .appName("vmmctl")
              .completer(new WordCompleter(interpreter.commands()))
              .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
      history.ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file));
      LineReader reader = builder.build();
      boolean more = true;
      while (more) {
        try {
          more = carryOut(reader.readLine("vmmctl> "));
        } catch (UserInterruptException e) {
          // Ctrl-C gives the line up.
        } catch (EndOfFileException e) {
          more = false;
        }
      }
    }
  }

  /** Returns whether the user wants to go on. */
  private boolean carryOut(String text) {
    Result result = interpreter.run(text);
    out.flush();
    if (!result.ok()) {
      err.println("vmmctl: " + result.message());
      err.flush();
    }
    return !interpreter.exiting();
  }
}
