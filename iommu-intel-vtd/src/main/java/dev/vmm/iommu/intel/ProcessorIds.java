package dev.vmm.iommu.intel;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.acpi.Madt;

/** The ids of the machine's processors, as far as more than 8 bits name them. Stateless. */
final class ProcessorIds {
  private ProcessorIds() {}

  /** Returns the greatest x2APIC id, 0 if firmware names none. */
  static long greatest(AcpiTables tables) {
    return Madt.find(tables).map(Madt::greatestX2apicId).orElse(0L);
  }
}
