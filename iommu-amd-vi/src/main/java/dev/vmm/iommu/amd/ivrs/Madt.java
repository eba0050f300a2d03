package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.acpi.ByteReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The I/O APICs of the Multiple APIC Description Table, signature {@code APIC}. Stateless. Source:
 * ACPI 6.5, "Multiple APIC Description Table (MADT)", "I/O APIC Structure".
 */
final class Madt {
  private static final int STRUCTURES = 44;
  private static final int IO_APIC = 1;
  private static final int IO_APIC_BYTES = 12;

  /**
   * An I/O APIC.
   *
   * @param offset of its structure in the table
   * @param id its I/O APIC id, 0 to 255
   */
  record IoApic(int offset, int id) {}

  private Madt() {}

  /** Returns the I/O APICs, as far as the table can be read; none if there is no table. */
  static List<IoApic> ioApics(AcpiTables tables) {
    Optional<AcpiTable> table = tables.find("APIC");
    List<IoApic> found = new ArrayList<>();
    if (table.isEmpty()) {
      return found;
    }
    ByteReader reader = table.get().reader();
    int at = STRUCTURES;
    while (at + 2 <= reader.lengthBytes()) {
      int length = reader.u8(at + 1);
      if (length < 2 || length > reader.lengthBytes() - at) {
        return found;
      }
      if (reader.u8(at) == IO_APIC && length >= IO_APIC_BYTES) {
        found.add(new IoApic(at, reader.u8(at + 2)));
      }
      at += length;
    }
    return found;
  }
}
