package dev.vmm.tools.vmmctl.shell;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables;
import dev.vmm.core.IommuState;
import dev.vmm.tools.vmmctl.DeclaredTunables;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code sysctl} and {@code set}: one command. */
@Command(
    name = "sysctl",
    aliases = "set",
    description = {
      "Show variables, or set tunables for the platform that opens next.",
      "Tunables are read when the platform opens, which the first command that needs it does; after that setting one is"
          + " refused until \"close\"."
    })
final class SysctlVerb extends Verb {
  @Parameters(
      arity = "0..*",
      paramLabel = "NAME[=VALUE]",
      completionCandidates = Candidates.Names.class,
      description = "Without any, all of them.")
  private List<String> words = List.of();

  @Override
  void run() {
    DeclaredTunables declared = DeclaredTunables.load();
    if (words.isEmpty()) {
      values(declared).forEach((name, value) -> say("%s: %s", name, value));
      return;
    }
    for (String word : words) {
      int equals = word.indexOf('=');
      if (equals < 0) {
        String value = values(declared).get(word);
        if (value == null) {
          throw unknown(word, declared);
        }
        say("%s: %s", word, value);
      } else {
        set(word.substring(0, equals).strip(), word.substring(equals + 1), declared);
      }
    }
  }

  private void set(String name, String text, DeclaredTunables declared) {
    if (name.equals(CoreTunables.IOMMU_INITIALIZED)) {
      throw VmmException.of(Errno.EPERM, "%s is read-only: the first assign sets it", name);
    }
    Tunable<?> tunable =
        declared.all().stream()
            .filter(one -> one.name().equals(name))
            .findFirst()
            .orElseThrow(() -> unknown(name, declared));
    tunable.parse(text, "set");
    String before = text(session().tunables(), tunable);
    session().set(name, text);
    say("%s: %s -> %s", name, before, text(session().tunables(), tunable));
  }

  private Map<String, String> values(DeclaredTunables declared) {
    Map<String, String> values = new TreeMap<>();
    declared.all().forEach(one -> values.put(one.name(), text(session().tunables(), one)));
    values.put(CoreTunables.IOMMU_INITIALIZED, session().iommuState() == IommuState.ON ? "1" : "0");
    return values;
  }

  private static String text(Tunables tunables, Tunable<?> tunable) {
    return CoreTunables.valueText(tunables, tunable);
  }

  private VmmException unknown(String name, DeclaredTunables declared) {
    return VmmException.of(
        Errno.ENOENT,
        "no variable is called \"%s\": there are %s",
        name,
        String.join(", ", values(declared).keySet()));
  }
}
