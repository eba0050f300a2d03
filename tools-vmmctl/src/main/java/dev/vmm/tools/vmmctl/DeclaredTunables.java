package dev.vmm.tools.vmmctl;

import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables;
import dev.vmm.tools.dmardump.BackEnds;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;

/**
 * Every tunable that the platform and the back ends on the path declare.
 *
 * @param all the declarations, the platform's first
 * @param warnings a sentence for each back end that could not be asked
 */
public record DeclaredTunables(List<Tunable<?>> all, List<String> warnings) {
  /** Copies the lists. */
  public DeclaredTunables {
    all = List.copyOf(all);
    warnings = List.copyOf(warnings);
  }

  /** Asks every back end; loads them, and starts nothing. */
  public static DeclaredTunables load() {
    List<Tunable<?>> all = new ArrayList<>(CoreTunables.all());
    List<String> warnings = BackEnds.forEach(provider -> all.addAll(provider.tunables()));
    return new DeclaredTunables(all, warnings);
  }

  /**
   * Checks the user's values.
   *
   * @return a sentence for each name that nobody declares
   * @throws VmmException EINVAL for the first malformed value
   */
  public List<String> check(Tunables tunables) {
    List<Tunable<?>> known = new ArrayList<>(all);
    known.addAll(CoreTunables.reportedAtOpen(tunables));
    return tunables.check(known);
  }
}
