package dev.vmm.iommu.inspect;

import java.util.ArrayList;
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

  /**
   * A reserved field, or one with reserved bits, that is not 0.
   *
   * @param where the structure that has it
   * @param field the field
   */
  public record Reserved(String where, FieldReport field) {
    /** Returns what is wrong, in words. */
    public String text() {
      return field.name() + " of " + where + " is " + field.raw() + ": expected reserved bits 0";
    }
  }

  /** Returns the reserved fields and bits that are not 0, in the table's order. */
  public List<Reserved> reserved() {
    List<Reserved> found = new ArrayList<>();
    reserved("the header", header, found);
    structures.forEach(each -> reserved(each.kind(), each, found));
    return found;
  }

  private static void reserved(String where, StructureReport structure, List<Reserved> found) {
    reserved(where, structure.fields(), found);
    structure.children().forEach(child -> reserved(child.kind() + " of " + where, child, found));
  }

  private static void reserved(String where, List<FieldReport> fields, List<Reserved> found) {
    for (FieldReport field : fields) {
      if ((field.name().equals("Reserved") && !field.meaning().isEmpty())
          || field.meaning().contains("RSVD[")) {
        found.add(new Reserved(where, field));
      }
    }
  }
}
