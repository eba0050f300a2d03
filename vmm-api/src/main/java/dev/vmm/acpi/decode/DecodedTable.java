package dev.vmm.acpi.decode;

import dev.vmm.iommu.inspect.TableReport;
import java.util.List;

/**
 * A table that was decoded as far as it goes.
 *
 * @param <S> what its structures are decoded to
 * @param report for a reader
 * @param sound the structures that could be read whole
 * @param problems those of the report, in its order
 */
public record DecodedTable<S>(TableReport report, List<S> sound, List<TableProblem> problems) {
  /** Copies the lists. */
  public DecodedTable {
    sound = List.copyOf(sound);
    problems = List.copyOf(problems);
  }
}
