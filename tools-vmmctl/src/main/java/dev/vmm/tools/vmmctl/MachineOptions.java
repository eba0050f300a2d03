package dev.vmm.tools.vmmctl;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import dev.vmm.tools.dmardump.Palette;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** The options of every command that works on a machine. */
final class MachineOptions extends TunableOptions {
  @Option(
      names = {"-m", "--machine"},
      paramLabel = "MACHINE",
      defaultValue = "model:intel",
      description = "The machine to work on (default ${DEFAULT-VALUE}).")
  private String machine = "model:intel";

  @Option(
      names = {"-v", "--verbose"},
      description = "Log what the platform does to standard error, every register write too.")
  private boolean verbose;

  @Option(
      names = "--color",
      paramLabel = "WHEN",
      defaultValue = "auto",
      description = "Use colour: ${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}).")
  private Palette.When color = Palette.When.AUTO;

  /** Returns the machine's name. */
  String machine() {
    return machine;
  }

  /** Returns the colours. */
  Palette palette() {
    return color.palette();
  }

  /** Says whether the user wants to see everything. */
  boolean verbose() {
    return verbose;
  }

  /** Sets how much is logged. Another logging back end keeps its own settings. */
  void applyLogLevel() {
    if (LoggerFactory.getLogger("dev.vmm") instanceof Logger logger) {
      logger.setLevel(verbose ? Level.DEBUG : Level.WARN);
      logger.getLoggerContext().resetTurboFilterList();
      // The commands show the faults that they make.
      logger
          .getLoggerContext()
          .getLogger("dev.vmm.core.faults")
          .setLevel(verbose ? null : Level.OFF);
      if (!verbose) {
        logger.getLoggerContext().addTurboFilter(new WarnOnce());
      }
    }
  }
}
