package dev.vmm.tools.dmardump;

import dev.vmm.machine.Machine;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** What all subcommands understand. Used once. */
final class CommonOptions {
  @Option(names = "--json", description = "Write the result as JSON.")
  boolean json;

  @Option(
      names = "--backend-path",
      paramLabel = "DIR",
      description = "Use the back ends in the jars of this folder too.")
  private @Nullable Path backendPath;

  @Option(
      names = "--color",
      paramLabel = "WHEN",
      completionCandidates = DmardumpCommand.Whens.class,
      description = "Use colour: ${COMPLETION-CANDIDATES} (default auto).")
  private Palette.When color = Palette.When.AUTO;

  @ParentCommand private @Nullable DmardumpCommand parent;

  /** Returns the machine that is meant where the command line names none. */
  Optional<Machine> here() {
    return Optional.ofNullable(parent).flatMap(DmardumpCommand::here);
  }

  Palette palette() {
    return color.palette();
  }

  /** Loads the back ends; a broken one is a warning. */
  Inspectors inspectors(PrintWriter err) {
    Inspectors inspectors = Inspectors.load(Optional.ofNullable(backendPath));
    inspectors.warnings().forEach(warning -> err.println("dmardump: warning: " + warning));
    return inspectors;
  }
}
