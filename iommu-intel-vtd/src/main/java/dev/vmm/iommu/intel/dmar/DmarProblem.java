package dev.vmm.iommu.intel.dmar;

/**
 * Something wrong in a table.
 *
 * @param rule what kind of mistake it is
 * @param offset of the structure or scope in the table
 * @param text in words that name the offset
 */
record DmarProblem(DmarRule rule, int offset, String text) {}
