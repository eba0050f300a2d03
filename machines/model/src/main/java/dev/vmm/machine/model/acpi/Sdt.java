package dev.vmm.machine.model.acpi;

/**
 * The header that every system description table begins with: ACPI 6.5, "System Description Table
 * Header".
 */
final class Sdt {
  static final int HEADER_BYTES = 36;

  private static final int LENGTH = 4;
  private static final int CHECKSUM = 9;

  private Sdt() {}

  /** Puts a header before a body. */
  static byte[] of(String signature, int revision, byte[] body) {
    byte[] table =
        new TableBytes()
            .text(signature, 4, ' ')
            .u32(HEADER_BYTES + body.length)
            .u8(revision)
            .u8(0)
            .text("VMMDEV", 6, ' ')
            .text("MODEL", 8, ' ')
            .u32(1)
            .text("VMM", 4, ' ')
            .u32(1)
            .append(body)
            .toBytes();
    fixChecksum(table);
    return table;
  }

  /** Writes the Length anew, for a table that was cut. */
  static void fixLength(byte[] table) {
    TableBytes.put(table, LENGTH, table.length, 4);
  }

  /** Writes the Checksum anew. */
  static void fixChecksum(byte[] table) {
    table[CHECKSUM] = 0;
    table[CHECKSUM] = TableBytes.checksum(table, 0, table.length);
  }

  /** Makes the Checksum wrong. */
  static void spoilChecksum(byte[] table) {
    table[CHECKSUM] ^= 0x55;
  }

  static String signature(byte[] table) {
    return new String(table, 0, 4, java.nio.charset.StandardCharsets.US_ASCII);
  }
}
