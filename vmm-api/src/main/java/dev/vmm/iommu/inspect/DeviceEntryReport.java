package dev.vmm.iommu.inspect;

import dev.vmm.pci.Rid;

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
 */
public record DeviceEntryReport(
    Rid rid, int domainId, String type, int widthBits, int levels, long tableRoot, String raw) {}
