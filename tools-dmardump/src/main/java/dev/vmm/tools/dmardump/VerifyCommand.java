package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import dev.vmm.tools.dmardump.json.JsonDump;
import dev.vmm.tools.dmardump.verify.Verification;
import dev.vmm.tools.dmardump.verify.Verifier;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Proves that devices are kept apart. Used once. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Proves over the tables of a live machine or a snapshot that devices are kept apart.",
      "No page is reachable by two owners, no table of the I/O MMU by a device; no requester id is without a domain, no"
          + " reserved bit is set, and each domain id is used with one table only."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:all of it holds",
      "1:something does not, or the machine failed",
      "2:the command line is wrong, or a file cannot be read"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  dmardump verify qemu:intel",
      "  dmardump verify --json capture.zip",
      "  dmardump verify --host-domain 0x1 capture.zip"
    })
final class VerifyCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private final CommonOptions common = new CommonOptions();

  @Option(
      names = "--host-domain",
      paramLabel = "ID",
      description =
          "The host's domain, which may reach everything (default: each that maps all of memory one to one).")
  private List<String> hosts = new ArrayList<>();

  @Parameters(
      paramLabel = "INPUT",
      arity = "0..1",
      description = "The name of a machine, or a snapshot.")
  private @Nullable String named;

  @Override
  public Integer call() throws IOException {
    CommandLine line = Objects.requireNonNull(spec).commandLine();
    PrintWriter out = line.getOut();
    String input = input(line);
    Inspectors inspectors = common.inspectors(line.getErr());
    try (Source source = source(new Sources(inspectors))) {
      Machine machine =
          source
              .machine()
              .orElseThrow(
                  () ->
                      VmmException.invalid(
                          "%s is a table of the firmware: expected a machine or a snapshot, whose units can be read",
                          input));
      List<UnitReport> units = inspectors.inspect(machine);
      if (units.isEmpty()) {
        throw new VmmException(
            Errno.ENXIO, input + " has no I/O MMU that a back end here knows: nothing is isolated");
      }
      Verification verification = Verifier.verify(units, machine, hostDomains());
      if (common.json) {
        try (JsonDump json = new JsonDump(out, false)) {
          json.verification(input, verification);
        }
      } else {
        text(input, verification, out);
      }
      return FindingText.status(verification.findings(), false);
    }
  }

  private Set<Integer> hostDomains() {
    Set<Integer> ids = new HashSet<>();
    for (String host : hosts) {
      long id = Dump.number(host, "domain id");
      if (id >>> 31 != 0) {
        throw VmmException.invalid("\"%s\" is no domain id: expected at most 0x7fffffff", host);
      }
      ids.add((int) id);
    }
    return ids;
  }

  /** Returns a name such as {@code deviceEntries} in words, of one thing in the singular. */
  private static String words(String name, long count) {
    String words = name.replaceAll("([A-Z])", " $1").toLowerCase(Locale.ROOT);
    return count == 1 ? words.replaceAll("ies$", "y").replaceAll("s$", "") : words;
  }

  private String input(CommandLine line) {
    return Optional.ofNullable(named)
        .or(() -> common.here().map(Machine::name))
        .orElseThrow(() -> new ParameterException(line, "Missing required parameter: 'INPUT'"));
  }

  private Source source(Sources sources) {
    return named != null ? sources.open(named) : sources.borrowed(common.here().orElseThrow());
  }

  private void text(String input, Verification verification, PrintWriter out) {
    Palette palette = common.palette();
    verification.assumptions().forEach(assumption -> out.println("note: " + assumption));
    FindingText.write(input, verification.findings(), palette, out);
    StringBuilder checked = new StringBuilder();
    verification
        .checked()
        .forEach(
            (what, count) ->
                checked
                    .append(checked.length() == 0 ? "" : ", ")
                    .append(
                        what.equals("mappedBytes")
                            ? DumpRenderer.size(count) + " mapped"
                            : count + " " + words(what, count)));
    out.println("checked: " + checked);
    out.println(
        verification.findings().isEmpty()
            ? palette.good("isolated: every check holds")
            : palette.bad("not isolated: ") + FindingText.summary(verification.findings()));
  }
}
