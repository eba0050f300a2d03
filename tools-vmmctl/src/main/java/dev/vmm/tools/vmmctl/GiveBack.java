package dev.vmm.tools.vmmctl;

import dev.vmm.tools.vmmctl.shell.Interpreter;
import java.time.Duration;

/**
 * Has everything given back when the process is told to end in the middle: by Ctrl-C, {@code kill},
 * or a terminal that is closed. The command under way ends first; none begins any more.
 */
final class GiveBack {
  /**
   * A command waits for hardware for seconds at most; who wants to end now does not wait longer.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private final Thread hook;

  /**
   * Watches until it is cancelled.
   *
   * @param close gives everything back; does nothing the second time
   */
  GiveBack(Interpreter interpreter, Runnable close) {
    hook = new Thread(() -> interpreter.end(PATIENCE, close), "vmmctl gives back");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /** Watches no more. */
  void cancel() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending already, and this has run or will.
    }
  }
}
