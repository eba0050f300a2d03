package dev.vmm.iommu.amd;

import dev.vmm.tunable.Tunable;
import java.util.List;

/** The tunables of this back end. */
final class AmdTunables {
  static final Tunable<Long> TIMEOUT_MS =
      Tunable.ofLong(
          "hw.vmm.amdvi.timeout_ms",
          1,
          60_000,
          1_000,
          "how long an AMD-Vi unit may take to answer a command or an invalidation, in ms");

  static final List<Tunable<?>> ALL = List.of(TIMEOUT_MS);

  private AmdTunables() {}
}
