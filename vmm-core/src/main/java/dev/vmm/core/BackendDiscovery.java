package dev.vmm.core;

import com.google.common.collect.Multimaps;
import dev.vmm.VmmException;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the back end for a machine.
 *
 * <p>Nothing is loaded before {@link #select()} is first called. What was chosen then stays: ACPI
 * tables, all that a probe may read, are those of the moment when the machine was opened. Order on
 * the class path never decides. Thread-safe.
 */
final class BackendDiscovery {
  /**
   * What came of it.
   *
   * @param backend the back end to open, null if none can be
   * @param presence the same for users
   */
  record Selection(@Nullable Backend backend, Presence presence) {}

  private record Candidate(Backend backend, int priority, String summary) {}

  private static final Logger LOG = LoggerFactory.getLogger(BackendDiscovery.class);

  private final Machine machine;
  private final Tunables tunables;
  private final BackendLoader.Source source;
  private final List<String> report = new ArrayList<>();
  private final List<Tunable<?>> backendTunables = new ArrayList<>();
  private @Nullable Selection selection;

  BackendDiscovery(Machine machine, Tunables tunables, BackendLoader.Source source) {
    this.machine = machine;
    this.tunables = tunables;
    this.source = source;
  }

  /** Loads and probes the back ends the first time; returns the same result ever after. */
  synchronized Selection select() {
    if (selection == null) {
      selection = choose();
      LOG.debug("back end selection: {}", selection.presence());
    }
    return selection;
  }

  /** Returns why no back end can be used, if none can. */
  Optional<Obstacle> absence() {
    Selection selected = select();
    return selected.backend() != null
        ? Optional.empty()
        : Optional.of(
            IommuPolicy.noBackEnd(
                selected.presence().detail(), tunables.get(CoreTunables.IOMMU_BACKEND)));
  }

  /**
   * Returns the selected back end's tunables by whose present values it forbids units an ability.
   *
   * @throws dev.vmm.VmmException EINVAL if one is malformed
   */
  List<Tunable<?>> forbidding(IommuSurvey.Ability ability) {
    Backend backend = select().backend();
    return backend == null
        ? List.of()
        : Spi.get(
            "asking back end " + backend.name() + " which tunables forbid " + ability,
            () -> backend.provider().forbidding(ability, tunables));
  }

  /** Returns lines for people: what was found, absent, broken. Loads nothing. */
  synchronized List<String> report() {
    return selection == null ? List.of("back ends: not looked for yet") : List.copyOf(report);
  }

  /** Returns the tunables of the loaded back ends. Loads nothing. */
  synchronized List<Tunable<?>> backendTunables() {
    return List.copyOf(backendTunables);
  }

  private Selection choose() {
    BackendLoader.Loaded loaded = BackendLoader.load(source);
    for (String line : loaded.broken()) {
      LOG.warn("{}", line);
      report.add(line);
    }
    collectTunables(loaded.backends());
    String wanted = tunables.get(CoreTunables.IOMMU_BACKEND);
    Optional<String> clash = clash(loaded, wanted);
    loaded.mismatched().forEach((name, line) -> report.add(line));
    if (clash.isPresent()) {
      report.add(clash.get());
      return refused(wanted, clash.get());
    }
    List<Backend> eligible =
        loaded.backends().stream()
            .filter(backend -> wanted.isEmpty() || backend.name().equals(wanted))
            .toList();
    if (eligible.isEmpty()) {
      return refused("", nothingEligible(loaded, wanted));
    }
    List<Candidate> present = new ArrayList<>();
    List<String> absent = new ArrayList<>();
    for (Backend backend : eligible) {
      probe(backend, present, absent);
    }
    if (present.isEmpty()) {
      String which =
          wanted.isEmpty()
              ? "no back end fits this machine: "
              : "the back end that "
                  + CoreTunables.IOMMU_BACKEND.name()
                  + "="
                  + wanted
                  + " names does not fit this machine: ";
      return refused(wanted, which + String.join("; ", absent));
    }
    return best(present);
  }

  private void probe(Backend backend, List<Candidate> present, List<String> absent) {
    try {
      ProbeResult result =
          Spi.get(
              "the probe of back end " + backend.name(), () -> backend.provider().probe(machine));
      if (result instanceof ProbeResult.Present found) {
        present.add(new Candidate(backend, backend.provider().priority(), found.summary()));
        report.add(backend.name() + ": present, " + found.summary());
      } else {
        absent.add(backend.name() + ": " + result.summary());
        report.add(backend.name() + ": absent, " + result.summary());
      }
    } catch (Throwable e) {
      String line =
          "back end "
              + backend.name()
              + " ("
              + backend.whence()
              + ") is broken: "
              + Spi.wrap("its probe", e).getMessage();
      LOG.warn("{}", line, e);
      report.add(line);
      absent.add(line);
    }
  }

  private Selection best(List<Candidate> present) {
    int highest = present.stream().mapToInt(Candidate::priority).max().orElseThrow();
    List<Candidate> winners =
        present.stream()
            .filter(candidate -> candidate.priority() == highest)
            .sorted(Comparator.comparing(candidate -> candidate.backend().name()))
            .toList();
    if (winners.size() > 1) {
      String line =
          "several back ends fit this machine with the same priority "
              + highest
              + ": "
              + winners.stream()
                  .map(winner -> winner.backend().name() + " (" + winner.backend().whence() + ")")
                  .collect(Collectors.joining(", "))
              + "; choose one with "
              + CoreTunables.IOMMU_BACKEND
              + " or remove the others";
      report.add(line);
      return refused("", line);
    }
    Candidate winner = winners.get(0);
    report.add("selected: " + winner.backend().name());
    return new Selection(
        winner.backend(), new Presence(true, winner.backend().name(), winner.summary()));
  }

  /**
   * Returns why the set of back ends is contradictory. A choice by name settles everything that is
   * not about that name.
   */
  private static Optional<String> clash(BackendLoader.Loaded loaded, String wanted) {
    for (var entry : loaded.mismatched().entrySet()) {
      if (wanted.isEmpty() || entry.getKey().equals(wanted)) {
        return Optional.of(entry.getValue());
      }
    }
    for (var named : Multimaps.index(loaded.backends(), Backend::name).asMap().entrySet()) {
      if (named.getValue().size() > 1 && (wanted.isEmpty() || named.getKey().equals(wanted))) {
        return Optional.of(
            "several back ends call themselves \""
                + named.getKey()
                + "\": "
                + named.getValue().stream()
                    .map(Backend::whence)
                    .sorted()
                    .collect(Collectors.joining(" and "))
                + "; remove all but one");
      }
    }
    return Optional.empty();
  }

  private static String nothingEligible(BackendLoader.Loaded loaded, String wanted) {
    TreeSet<String> known = new TreeSet<>(loaded.mismatched().keySet());
    loaded.backends().forEach(backend -> known.add(backend.name()));
    String broken =
        loaded.broken().isEmpty()
            ? ""
            : "; these could not be loaded: " + String.join("; ", loaded.broken());
    if (wanted.isEmpty()) {
      return "there is no back end: put a back end's jar on the class or module path" + broken;
    }
    return "unknown back end \""
        + wanted
        + "\" in "
        + CoreTunables.IOMMU_BACKEND
        + ": known are "
        + (known.isEmpty() ? "none, put a back end's jar on the path" : String.join(", ", known))
        + broken;
  }

  private void collectTunables(List<Backend> backends) {
    for (Backend backend : backends) {
      try {
        backendTunables.addAll(backend.provider().tunables());
      } catch (Throwable e) {
        LOG.warn(
            "back end {} ({}) does not tell its tunables",
            backend.name(),
            backend.whence(),
            Spi.wrap("naming its tunables", e));
      }
    }
    checkTunables();
  }

  /** Reports, once, names that neither the platform nor a loaded back end declares. */
  private void checkTunables() {
    List<Tunable<?>> declared = new ArrayList<>(CoreTunables.all());
    declared.addAll(backendTunables);
    declared.addAll(CoreTunables.reportedAtOpen(tunables));
    try {
      tunables.check(declared).forEach(line -> LOG.warn("{}", line));
    } catch (VmmException e) {
      // A malformed value is refused by whoever reads it; a back end that fails on it is not
      // started.
      LOG.warn("{}", e.getMessage());
    }
  }

  private static Selection refused(String name, String reason) {
    return new Selection(null, new Presence(false, name, reason));
  }
}
