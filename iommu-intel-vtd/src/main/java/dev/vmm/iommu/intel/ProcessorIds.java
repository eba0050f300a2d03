package dev.vmm.iommu.intel;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.acpi.ByteReader;

/**
 * The ids of the machine's interrupt controllers, as far as more than 8 bits name them. Source:
 * ACPI 6.5, "Multiple APIC Description Table (MADT)" and "Processor Local x2APIC Structure".
 * Stateless.
 */
final class ProcessorIds {
  private static final int FIRST_STRUCTURE = 44;
  private static final int X2APIC = 9;
  private static final int X2APIC_BYTES = 16;

  private ProcessorIds() {}

  /** Returns the greatest x2APIC id, 0 if firmware names none or its table is damaged. */
  static long greatest(AcpiTables tables) {
    try {
      return tables.find("APIC").map(table -> greatest(table.reader())).orElse(0L);
    } catch (VmmException e) {
      return 0;
    }
  }

  private static long greatest(ByteReader madt) {
    long greatest = 0;
    int at = FIRST_STRUCTURE;
    while (at + 2 <= madt.lengthBytes()) {
      int length = madt.u8(at + 1);
      if (length < 2) {
        break;
      }
      if (madt.u8(at) == X2APIC && length >= X2APIC_BYTES) {
        greatest = Math.max(greatest, madt.u32(at + 4));
      }
      at += length;
    }
    return greatest;
  }
}
