package dev.vmm.iommu.inspect;

import dev.vmm.pci.Rid;
import java.util.List;

/**
 * What a unit was told about one requester id.
 *
 * @param rid the requester id
 * @param domainId the unit's own number of the domain
 * @param type the translation type in the book's words
 * @param widthBits the address width in bits; 0 if the entry does not translate
 * @param levels the levels of page tables; 0 if the entry does not translate
 * @param tableRoot the hpa of the top page table; 0 if there is none
 * @param raw the entry's words as hex, high word first
 * @param hpa of the entry, 0 if it is not known
 * @param untranslated whether any of its requests go out as they are, past all tables
 * @param fields the book's fields, high bits first; those that are 0 may be left out
 */
public record DeviceEntryReport(
    Rid rid,
    int domainId,
    String type,
    int widthBits,
    int levels,
    long tableRoot,
    String raw,
    long hpa,
    boolean untranslated,
    List<FieldReport> fields) {
  /** Copies the list. */
  public DeviceEntryReport {
    fields = List.copyOf(fields);
  }

  /** An entry whose place and fields are not known, and that lets nothing out as it is. */
  public DeviceEntryReport(
      Rid rid, int domainId, String type, int widthBits, int levels, long tableRoot, String raw) {
    this(rid, domainId, type, widthBits, levels, tableRoot, raw, 0, false, List.of());
  }
}
