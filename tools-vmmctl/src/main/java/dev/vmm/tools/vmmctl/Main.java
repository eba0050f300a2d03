package dev.vmm.tools.vmmctl;

import dev.vmm.tools.dmardump.Tool;
import java.io.PrintWriter;

/** The entry point of {@code vmmctl}. */
public final class Main {
  private Main() {}

  /**
   * Runs the tool and ends the JVM with its exit status.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    Tool.main("vmmctl", Main::run, args);
  }

  /**
   * Runs the tool in this process. The first step of {@code demo} needs a JVM that has loaded no
   * back end yet.
   *
   * @param args the command line
   * @return the exit status, one of {@link Tool}'s
   */
  public static int run(String[] args, PrintWriter out, PrintWriter err) {
    return Tool.run("vmmctl", new VmmctlCommand(), args, out, err);
  }
}
