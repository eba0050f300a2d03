package dev.vmm.tools.vmmctl.list;

import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import dev.vmm.tools.dmardump.BackEnds;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * What firmware says of functions, by every back end on the path that finds its tables. Immutable
 * and thread-safe.
 */
final class Firmware {
  private final List<IommuSurvey> surveys;

  /** Asks these. */
  Firmware(List<IommuSurvey> surveys) {
    this.surveys = List.copyOf(surveys);
  }

  /** Reads the tables; touches no register. */
  static Firmware of(Machine machine) {
    List<IommuSurvey> surveys = new ArrayList<>();
    BackEnds.forEach(provider -> provider.survey(machine).ifPresent(surveys::add));
    return new Firmware(surveys);
  }

  /** Returns the name of the unit that translates for a requester id; empty if none does. */
  String unitOf(Rid rid) {
    return surveys.stream()
        .flatMap(survey -> survey.unitOf(rid).stream())
        .map(IommuSurvey.SurveyedUnit::name)
        .findFirst()
        .orElse("");
  }

  /** Returns what every back end says of one requester id. */
  <T> List<T> each(Function<IommuSurvey, List<T>> question) {
    return surveys.stream().flatMap(survey -> question.apply(survey).stream()).toList();
  }
}
