package dev.vmm.iommu.inspect;

import java.util.List;

/**
 * A decoded firmware table.
 *
 * @param signature four characters
 * @param origin where it came from
 * @param lengthBytes its length
 * @param checksumValid whether its bytes add up to 0
 * @param header the fields of the header
 * @param structures the structures, in the table's order; unknown ones are kept with their bytes in
 *     hex
 * @param problems what is wrong, in words that name the offset
 */
public record TableReport(
    String signature,
    String origin,
    int lengthBytes,
    boolean checksumValid,
    List<FieldReport> header,
    List<StructureReport> structures,
    List<String> problems) {
  /** Copies the lists. */
  public TableReport {
    header = List.copyOf(header);
    structures = List.copyOf(structures);
    problems = List.copyOf(problems);
  }
}
