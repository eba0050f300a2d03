package dev.vmm.iommu.intel;

import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;

/** The tunables of this back end. */
final class IntelTunables {
  static final Tunable<Boolean> QUEUED_INVALIDATION =
      Tunable.ofBoolean(
          "hw.vmm.vtd.queued_invalidation",
          true,
          "use the invalidation queue of Intel VT-d units that have one; 0 uses registers instead");

  static final Tunable<Long> TIMEOUT_MS =
      Tunable.ofLong(
          "hw.vmm.vtd.timeout_ms",
          1,
          60_000,
          1_000,
          "how long an Intel VT-d unit may take to answer a command or an invalidation, in ms");

  static final Tunable<Boolean> INTERRUPT_REMAPPING =
      Tunable.ofBoolean(
          "hw.vmm.vtd.interrupt_remapping",
          true,
          "remap interrupts where all Intel VT-d units can and firmware allows it; 0 leaves them as they are");

  static final List<Tunable<?>> ALL = List.of(QUEUED_INVALIDATION, INTERRUPT_REMAPPING, TIMEOUT_MS);

  private IntelTunables() {}

  /** Returns those by whose values no unit remaps interrupts: that needs an invalidation queue. */
  static List<Tunable<?>> forbiddingInterruptRemapping(Tunables tunables) {
    List<Tunable<?>> forbidding = new ArrayList<>();
    for (Tunable<Boolean> needed : List.of(INTERRUPT_REMAPPING, QUEUED_INVALIDATION)) {
      if (!tunables.get(needed)) {
        forbidding.add(needed);
      }
    }
    return forbidding;
  }
}
