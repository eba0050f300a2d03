package dev.vmm.iommu.inspect;

import java.util.List;

/**
 * One structure of a firmware table.
 *
 * @param kind the book's short name, such as {@code DRHD}; {@code unknown type 0x33} if there is
 *     none
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param fields in the structure's order
 * @param children the structures inside, such as device scopes
 */
public record StructureReport(
    String kind,
    int offset,
    int lengthBytes,
    List<FieldReport> fields,
    List<StructureReport> children) {
  /** Copies the lists. */
  public StructureReport {
    fields = List.copyOf(fields);
    children = List.copyOf(children);
  }
}
