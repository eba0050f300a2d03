package dev.vmm.acpi.decode;

import dev.vmm.iommu.inspect.Finding;

/**
 * Something wrong in a table.
 *
 * @param rule that it breaks
 * @param offset of the structure in the table
 * @param text in words that name the offset
 */
public record TableProblem(TableRule rule, int offset, String text) {
  /** Returns it as a finding. */
  public Finding finding() {
    return rule.at(offset, "%s", text);
  }
}
