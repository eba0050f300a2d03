package dev.vmm.tools.vmmctl.shell;

import dev.vmm.tools.dmardump.Tool;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;

/** Carries out a script, one command a line. Used once. */
public final class Script {
  private final Interpreter interpreter;
  private final String name;
  private final PrintWriter out;
  private final PrintWriter err;
  private final boolean keepGoing;
  private final boolean trace;

  /**
   * Prepares a script.
   *
   * @param name what it is called in messages
   * @param err gets a line for each failure, {@code vmmctl: NAME:LINE: message}
   * @param keepGoing whether to go on after a failure
   * @param trace whether to print each line before it is carried out
   */
  public Script(
      Interpreter interpreter,
      String name,
      PrintWriter out,
      PrintWriter err,
      boolean keepGoing,
      boolean trace) {
    this.interpreter = interpreter;
    this.name = name;
    this.out = out;
    this.err = err;
    this.keepGoing = keepGoing;
    this.trace = trace;
  }

  /**
   * Carries the lines out until the end, {@code exit}, or a failure.
   *
   * @return {@link Tool#OK}; {@link Tool#USAGE} if a line could not be understood, else {@link
   *     Tool#FAILED} if one failed
   * @throws IOException if the lines cannot be read
   */
  public int run(BufferedReader lines) throws IOException {
    int number = 0;
    int failures = 0;
    int status = Tool.OK;
    for (String text = lines.readLine(); text != null; text = lines.readLine()) {
      number++;
      if (trace && !text.isBlank()) {
        out.println("+ " + text.strip());
      }
      Result result = interpreter.run(text);
      out.flush();
      if (!result.ok()) {
        err.println("vmmctl: " + name + ":" + number + ": " + result.message());
        err.flush();
        status = Math.max(status, result.status());
        failures++;
        if (!keepGoing) {
          return status;
        }
      }
      if (interpreter.exiting()) {
        break;
      }
    }
    if (failures > 0) {
      err.println(
          "vmmctl: "
              + name
              + ": "
              + failures
              + (failures == 1 ? " command" : " commands")
              + " failed");
    }
    return status;
  }
}
