package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.Obstacle.Severity;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.IommuSurvey.Ability;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What becomes of a device where interrupts are not remapped, and why they are not: by the user's
 * tunables, by firmware, by the units, or for the host's sake. Thread-safe.
 */
final class InterruptPolicy {
  private final Tunables tunables;
  private final boolean allowsUnsafe;
  private final boolean required;
  private final BackendDiscovery discovery;

  /**
   * Reads the tunable that allows it.
   *
   * @param required whether a device is refused where they are not remapped
   * @param discovery knows the back end, whose tunables may forbid it
   */
  InterruptPolicy(Tunables tunables, boolean required, BackendDiscovery discovery) {
    this.tunables = tunables;
    this.allowsUnsafe = tunables.get(CoreTunables.ALLOW_UNSAFE_INTERRUPTS);
    this.required = required;
    this.discovery = discovery;
  }

  /** Says whether the user allows devices all the same. */
  boolean allowsUnsafe() {
    return allowsUnsafe;
  }

  /** Returns what stands in the way, by a survey, before the I/O MMU is started. */
  Optional<Obstacle> surveyed(IommuSurvey survey, Optional<IommuCapabilities> capabilities) {
    List<Tunable<?>> forbids = forbidding();
    boolean units = capabilities.map(IommuCapabilities::interruptRemapping).orElse(true);
    return forbids.isEmpty() && units && survey.interruptRemapping().allowed()
        ? Optional.empty()
        : Optional.of(notOffered(forbids, evidence(forbids, survey, units)));
  }

  /** Returns what stands in the way where no survey can be made. */
  Optional<Obstacle> unsurveyed() {
    List<Tunable<?>> forbids = forbidding();
    return forbids.isEmpty()
        ? Optional.empty()
        : Optional.of(notOffered(forbids, evidence(forbids)));
  }

  /**
   * Returns what stands in the way with the I/O MMU on, with the survey's evidence if there is one.
   */
  Optional<Obstacle> running(IommuSession session, @Nullable IommuSurvey survey) {
    return absent(
        session,
        forbids ->
            survey == null
                ? evidence(forbids)
                // Not what the running one says it can do: that is by the tunables, too.
                : evidence(
                    forbids,
                    survey,
                    survey
                        .capabilities()
                        .orElseGet(session.iommu()::capabilities)
                        .interruptRemapping()));
  }

  /**
   * As {@link #running}, for a refusal: with no evidence but the functions that would be cut off.
   */
  Optional<Obstacle> refusal(IommuSession session) {
    return absent(session, forbids -> List.of());
  }

  private Optional<Obstacle> absent(
      IommuSession session, Function<List<Tunable<?>>, List<String>> evidence) {
    if (session.iommu().interruptRemapping().isPresent()) {
      return Optional.empty();
    }
    List<String> cutOff = session.hostInterrupts().notRemapped();
    if (!cutOff.isEmpty()) {
      return Optional.of(hostCutOff(cutOff));
    }
    List<Tunable<?>> forbids = forbidding();
    return Optional.of(notOffered(forbids, evidence.apply(forbids)));
  }

  private List<Tunable<?>> forbidding() {
    return discovery.forbidding(Ability.INTERRUPT_REMAPPING);
  }

  private List<String> evidence(List<Tunable<?>> forbids) {
    List<String> lines = new ArrayList<>();
    for (Tunable<?> tunable : forbids) {
      lines.add("tunable " + tunable.name() + "=" + CoreTunables.valueText(tunables, tunable));
    }
    return lines;
  }

  /** Blames firmware and units only for what is theirs. */
  private List<String> evidence(List<Tunable<?>> forbids, IommuSurvey survey, boolean units) {
    List<String> lines = evidence(forbids);
    IommuSurvey.Permission firmware = survey.interruptRemapping();
    if (firmware.allowed() && units && !forbids.isEmpty()) {
      return lines;
    }
    lines.add(firmware.evidence());
    if (firmware.allowed()) {
      lines.addAll(
          IommuPolicy.registers(
              survey,
              Ability.INTERRUPT_REMAPPING,
              "the units' capability registers, of which not all offer it"));
    }
    return lines;
  }

  private Obstacle notOffered(List<Tunable<?>> forbids, List<String> evidence) {
    return obstacle(
        "",
        evidence,
        forbids.isEmpty()
            ? "switch interrupt remapping on in the firmware's set-up"
            : forbids.stream().map(this::undo).collect(Collectors.joining(" and "))
                + " and open the platform again");
  }

  private String undo(Tunable<?> tunable) {
    return tunables.get(tunable) instanceof Boolean on
        ? "set " + tunable.name() + "=" + (on ? 0 : 1)
        : "give " + tunable.name() + " another value";
  }

  /** The units could remap interrupts, but functions of the host would not be heard any more. */
  private Obstacle hostCutOff(List<String> functions) {
    return obstacle(
        ", as functions of the host would be cut off",
        functions,
        "have the drivers of those functions turn their messages off and open the platform again");
  }

  private Obstacle obstacle(String why, List<String> evidence, String remedy) {
    String what =
        "interrupts are not remapped, so that a guest can have it write any interrupt to the host"
            + why;
    String tunable = CoreTunables.ALLOW_UNSAFE_INTERRUPTS.name();
    if (allowsUnsafe || !required) {
      return new Obstacle(
          Kind.NO_INTERRUPT_REMAPPING,
          Severity.WARNING,
          Errno.EPERM,
          allowsUnsafe ? what + ", and " + tunable + "=1 allows it" : what,
          evidence,
          "give it only to a guest that the host trusts");
    }
    return new Obstacle(
        Kind.NO_INTERRUPT_REMAPPING,
        Severity.BLOCKER,
        Errno.EPERM,
        what,
        evidence,
        remedy + ", or set " + tunable + "=1 if the host trusts its guests");
  }
}
