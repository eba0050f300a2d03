package dev.vmm.tools.vmmctl.demo;

import dev.vmm.core.OwnedFault;
import dev.vmm.iommu.Access;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Checks of the faults that were told. */
final class Faults {
  private Faults() {}

  /** Forgets the faults so far. */
  static void forget(Scenario scenario) {
    scenario.vmm().iommu().drainFaults();
  }

  /**
   * Takes the faults and checks that they tell of this one DMA of the device and of nothing else;
   * where the machine records none, that there is none that tells of anything else.
   *
   * @param owner the name of the domain that the device is in
   * @return the first fault
   */
  static Optional<OwnedFault> check(
      Scenario scenario, Evidence evidence, String owner, long iova, Access access) {
    String expected =
        String.format(
            Locale.ROOT,
            "%s 0x%x by %s in domain %s",
            access.writable() ? "write to" : "read of",
            iova,
            scenario.rid(),
            owner);
    List<OwnedFault> faults = scenario.vmm().iommu().drainFaults();
    String got =
        faults.isEmpty()
            ? "none"
            : String.join(" and ", faults.stream().map(OwnedFault::describe).toList());
    boolean told =
        faults.isEmpty()
            ? !scenario.machine().recordsFaults()
            : faults.stream()
                .allMatch(
                    one ->
                        one.fault().rid().equals(scenario.rid())
                            && one.domain().equals(owner)
                            && one.fault().iova() == iova
                            && one.fault().access() == access
                            && !one.fault().reason().isEmpty());
    evidence.check(told, "fault", expected, got);
    return faults.stream().findFirst();
  }

  /** Returns a fault in words: who, where and why. */
  static String text(Scenario scenario, Optional<OwnedFault> fault) {
    return fault.map(one -> "fault: " + one.describe()).orElseGet(() -> untold(scenario));
  }

  /** Returns a fault's owner and reason, for where the rest is plain. */
  static String outcome(Scenario scenario, Optional<OwnedFault> fault) {
    return fault
        .map(
            one ->
                String.format(
                    Locale.ROOT,
                    "faults: %s of %s, reason 0x%x",
                    one.fault().rid(),
                    one.domain(),
                    one.fault().reasonCode()))
        .orElseGet(() -> untold(scenario));
  }

  private static String untold(Scenario scenario) {
    return scenario.machine().recordsFaults()
        ? "told no fault"
        : "blocked; " + scenario.machine().name() + " logs no event of it";
  }
}
