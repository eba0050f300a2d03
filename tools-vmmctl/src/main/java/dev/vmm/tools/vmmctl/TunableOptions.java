package dev.vmm.tools.vmmctl;

import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables;
import dev.vmm.tunable.Tunables;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that set tunables. */
class TunableOptions {
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

  /**
   * Returns the user's tunables: options, then system properties, then the file.
   *
   * @throws VmmException EINVAL if one of the platform's own is malformed, ENOENT if the file
   *     cannot be read
   */
  final Tunables tunables() {
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

  /**
   * Returns a sentence for each name that neither the platform nor a back end on the path declares:
   * the platform itself tells of them only when it looks for an I/O MMU.
   *
   * @throws VmmException EINVAL if a back end's is malformed
   */
  final List<String> warnings(Tunables tunables) {
    return DeclaredTunables.load().check(tunables);
  }
}
