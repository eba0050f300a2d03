package dev.vmm.tools.dmardump;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What a dump is asked for. Filled by one thread, then only read. */
final class DumpOptions {
  /** The words that are commands where a file could stand. */
  private static final Set<String> SUBCOMMANDS =
      Set.of("lint", "verify", "diff", "save", "completion");

  /** Where this host shows its tables. */
  Path hostTables = Path.of("/sys/firmware/acpi/tables");

  @Parameters(
      paramLabel = "FILE",
      arity = "0..*",
      description =
          "Raw ACPI tables, the text of acpidump, folders of tables or snapshots, recognised by what is in them;"
              + " - is the standard input. Without any, the tables of this host.")
  List<String> files = new ArrayList<>();

  @Option(
      names = {"-m", "--machine"},
      paramLabel = "MACHINE",
      description = "Read the live units of this machine, such as qemu:intel.")
  @Nullable String machine;

  @Option(
      names = {"-v", "--verbose"},
      description = "Registers with their fields and, of a machine, the firmware's tables too.")
  boolean verbose;

  @Option(names = "--raw", description = "Page tables entry by entry rather than as merged ranges.")
  boolean raw;

  @Option(
      names = "--iova",
      paramLabel = "ADDRESS",
      description = "Follow one address of --device through the tables, and say why it faults.")
  @Nullable String iova;

  @Option(
      names = "--device",
      paramLabel = "RID",
      description = "The requester id of --iova: 0000:00:03.0, 0:3.0, or 0/3/0 in decimal.")
  @Nullable String device;

  @Option(
      names = "--json",
      description = "Write everything as JSON; docs/dmardump.schema.json describes it.")
  boolean json;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write one self-contained page with drawings into this file.")
  @Nullable String html;

  @Option(
      names = "--backend-path",
      paramLabel = "DIR",
      description = "Use the back ends in the jars of this folder too.")
  @Nullable Path backendPath;

  @Option(
      names = "--color",
      paramLabel = "WHEN",
      completionCandidates = DmardumpCommand.Whens.class,
      description = "Use colour: ${COMPLETION-CANDIDATES} (default auto).")
  Palette.When color = Palette.When.AUTO;

  /**
   * Reads the plain command lines that need no parser: files, and the options without a value of
   * their own word. A parser of every kind of command line costs more time than most dumps.
   *
   * @return empty if the line is anything else, mistakes included: then the parser says what
   */
  static Optional<DumpOptions> plain(String[] args) {
    DumpOptions options = new DumpOptions();
    for (String arg : args) {
      if (!arg.startsWith("-") || arg.equals("-")) {
        if (arg.startsWith("@") || SUBCOMMANDS.contains(arg)) {
          return Optional.empty();
        }
        options.files.add(arg);
        continue;
      }
      switch (arg) {
        case "-v", "--verbose" -> options.verbose = true;
        case "--raw" -> options.raw = true;
        case "--json" -> options.json = true;
        case "--color=always" -> options.color = Palette.When.ALWAYS;
        case "--color=never" -> options.color = Palette.When.NEVER;
        case "--color=auto" -> options.color = Palette.When.AUTO;
        default -> {
          return Optional.empty();
        }
      }
    }
    return Optional.of(options);
  }

  /** Returns what is wrong with the combination, empty if nothing is. */
  String mistake() {
    if (!files.isEmpty() && machine != null) {
      return "expected either files or --machine, not both";
    }
    if ((iova == null) != (device == null)) {
      return "expected --iova and --device together: the address, and the requester id that uses it";
    }
    if (iova != null && html != null) {
      return "expected either --iova or --html, not both";
    }
    if (json && html != null) {
      return "expected either --json or --html, not both";
    }
    return "";
  }
}
