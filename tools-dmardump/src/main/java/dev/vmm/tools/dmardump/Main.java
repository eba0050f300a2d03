package dev.vmm.tools.dmardump;

import java.io.PrintWriter;
import java.util.Optional;

/** The entry point of {@code dmardump}. */
public final class Main {
  private Main() {}

  /**
   * Runs the tool and ends the JVM with its exit status.
   *
   * @param args the command line
   */
  public static void main(String[] args) {
    Tool.main("dmardump", Main::run, args);
  }

  /**
   * Runs the tool in this process.
   *
   * @param args the command line
   * @return the exit status, one of {@link Tool}'s
   */
  public static int run(String[] args, PrintWriter out, PrintWriter err) {
    Optional<DumpOptions> plain = DumpOptions.plain(args);
    return plain.isPresent()
        ? Tool.guarded("dmardump", () -> Dump.run(plain.get(), null, out, err), out, err)
        : Tool.run("dmardump", new DmardumpCommand(), args, out, err);
  }
}
