package dev.vmm.tools.vmmctl;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables;
import dev.vmm.tools.dmardump.Palette;
import dev.vmm.tunable.Tunables;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** The options of every command that works on a machine. */
final class MachineOptions {
  @Option(
      names = {"-m", "--machine"},
      paramLabel = "MACHINE",
      defaultValue = "qemu:intel",
      description = "The machine to work on (default ${DEFAULT-VALUE}).")
  private String machine = "qemu:intel";

  @Option(
      names = {"-t", "--tunable"},
      paramLabel = "NAME=VALUE",
      description = "Set a tunable, such as hw.vmm.iommu.enable=0. May be given several times.")
  private List<String> settings = List.of();

  @Option(
      names = "--conf",
      paramLabel = "FILE",
      description = "Read tunables from a loader.conf-style file; options and -D properties win.")
  private @Nullable String conf;

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

  /**
   * Returns the user's tunables: options, then system properties, then the file.
   *
   * @throws VmmException EINVAL if one is malformed, ENOENT if the file cannot be read
   */
  Tunables tunables() {
    Map<String, String> values = new LinkedHashMap<>();
    for (String setting : settings) {
      int equals = setting.indexOf('=');
      if (equals <= 0) {
        throw VmmException.invalid(
            "malformed --tunable \"%s\": expected NAME=VALUE, such as hw.vmm.iommu.enable=0",
            setting);
      }
      values.put(setting.substring(0, equals).strip(), setting.substring(equals + 1));
    }
    Tunables tunables =
        Tunables.of(values, "--tunable")
            .orElse(Tunables.fromSystemProperties(System.getProperties()));
    if (conf != null) {
      try {
        tunables = tunables.orElse(Tunables.fromFile(Path.of(conf)));
      } catch (InvalidPathException e) {
        throw VmmException.invalid("--conf \"%s\" is no file name: %s", conf, e.getReason());
      }
    }
    // Before a machine is started for nothing.
    CoreTunables.all().forEach(tunables::get);
    return tunables;
  }

  /** Sets how much is logged. Another logging back end keeps its own settings. */
  void applyLogLevel() {
    if (LoggerFactory.getLogger("dev.vmm") instanceof Logger logger) {
      logger.setLevel(verbose ? Level.DEBUG : Level.WARN);
      logger.getLoggerContext().resetTurboFilterList();
      if (!verbose) {
        logger.getLoggerContext().addTurboFilter(new WarnOnce());
      }
    }
  }
}
