package dev.vmm.acpi;

import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * MADT, signature {@code APIC}: the interrupt controllers, as far as the remapping of interrupts
 * asks for them. What cannot be read of a damaged table is left out.
 *
 * <p>Source: ACPI 6.5, "Multiple APIC Description Table (MADT)", "I/O APIC Structure", "Processor
 * Local x2APIC Structure". Immutable and thread-safe.
 *
 * @param ioApics the I/O APICs, in the table's order
 * @param greatestX2apicId of the processors that have an x2APIC structure, which those from 255 on
 *     must have; 0 if none has
 * @param whole whether the structures' lengths fill the table
 */
public record Madt(List<IoApic> ioApics, long greatestX2apicId, boolean whole) {
  private static final String SIGNATURE = "APIC";
  private static final int STRUCTURES = 44;
  private static final int IO_APIC = 1;
  private static final int IO_APIC_BYTES = 12;
  private static final int X2APIC = 9;
  private static final int X2APIC_BYTES = 16;

  /** Copies the list. */
  public Madt {
    ioApics = List.copyOf(ioApics);
  }

  /**
   * An I/O APIC.
   *
   * @param offset of its structure in the table
   * @param id its I/O APIC id, 0 to 255
   */
  public record IoApic(int offset, int id) {}

  /** Returns the machine's, empty if it has none. */
  public static Optional<Madt> find(AcpiTables tables) {
    return tables.find(SIGNATURE).map(Madt::parse);
  }

  /**
   * Decodes the table.
   *
   * @throws VmmException EINVAL if it is no MADT
   */
  public static Madt parse(AcpiTable table) {
    ByteReader reader = table.reader();
    if (!table.signature().equals(SIGNATURE)) {
      throw VmmException.invalid(
          "%s: signature at offset 0x0 is \"%s\": expected \"%s\"",
          reader.name(), table.signature(), SIGNATURE);
    }
    List<IoApic> ioApics = new ArrayList<>();
    long greatest = 0;
    int end = reader.lengthBytes();
    int at = STRUCTURES;
    while (at + 2 <= end) {
      int length = reader.u8(at + 1);
      if (length < 2 || length > end - at) {
        break;
      }
      int type = reader.u8(at);
      if (type == IO_APIC && length >= IO_APIC_BYTES) {
        ioApics.add(new IoApic(at, reader.u8(at + 2)));
      } else if (type == X2APIC && length >= X2APIC_BYTES) {
        greatest = Math.max(greatest, reader.u32(at + 4));
      }
      at += length;
    }
    return new Madt(ioApics, greatest, at == end);
  }
}
