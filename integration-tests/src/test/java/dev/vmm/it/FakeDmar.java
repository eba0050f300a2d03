package dev.vmm.it;

import dev.vmm.acpi.AcpiTable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** DMAR tables from the bytes of their structures, right or wrong. */
final class FakeDmar {
  /** A unit at 0xfed90000 for everything. */
  static final String UNIT = "00 00 10 00 01 00 00 00 00 00 d9 fe 00 00 00 00";

  private static final int HEADER_BYTES = 48;
  private static final int CHECKSUM = 9;

  private FakeDmar() {}

  /** Returns a table with these structures and a checksum that holds. */
  static AcpiTable of(String structures) {
    return of(structures, 0);
  }

  /** Returns a table whose bytes add up to {@code sum}: 0 is right. */
  static AcpiTable of(String structures, int sum) {
    byte[] body = HexFormat.of().parseHex(structures.replace(" ", ""));
    ByteBuffer table =
        ByteBuffer.allocate(HEADER_BYTES + body.length).order(ByteOrder.LITTLE_ENDIAN);
    table.put("DMAR".getBytes(StandardCharsets.US_ASCII)).putInt(table.capacity());
    table.put(8, (byte) 1).put(36, (byte) 38);
    table.position(HEADER_BYTES);
    table.put(body);
    int now = 0;
    for (byte b : table.array()) {
      now += b;
    }
    table.put(CHECKSUM, (byte) (sum - now));
    return AcpiTable.of(table.array(), "fake");
  }
}
